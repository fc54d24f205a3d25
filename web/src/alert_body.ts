// The request that creates an alert.
import type { Condition } from './conditions.ts';
import { whenJson } from './rules.ts';
import type { Alert } from './types.ts';

/** The webhook format for a URL, recognized by its host. */
export function formatOfUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'json';
  }
  const { hostname, pathname } = parsed;
  if (hostname === 'hooks.slack.com') return 'slack';
  if (/^(canary\.|ptb\.)?discord(app)?\.com$/.test(hostname) && pathname.startsWith('/api/webhooks/'))
    return 'discord';
  return hostname === 'api.telegram.org' ? 'telegram' : 'json';
}

/** What is sent: Pricewire's own JSON, or what a chat understands. */
export const formats: readonly (readonly [string, string])[] = [
  ['json', 'JSON'],
  ['slack', 'Slack'],
  ['discord', 'Discord'],
  ['telegram', 'Telegram'],
];

/** How the URLs of chats look. */
export const urlsOf: Record<string, string> = {
  slack: 'https://hooks.slack.com/services/…',
  discord: 'https://discord.com/api/webhooks/…',
  telegram: 'https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>',
};

/** The request's body. The price is a JSON number with exactly the digits entered. */
export function alertBody(alert: {
  ticker: string;
  target_price: string;
  condition: Condition;
  webhook_url: string;
  note: string;
  format: string;
}): string {
  const { target_price, note, ...rest } = alert;
  return withRaw({ ...rest, ...(note === '' ? {} : { note }) }, { target_price });
}

/** The request that makes the same alert again. */
export function bodyOf(alert: Alert, now: number): string {
  const { ticker, webhook_url, note, format, deliver_within, recover, template } = alert;
  const members: Record<string, unknown> = { ticker, webhook_url, format, deliver_within };
  if (note !== '') members['note'] = note;
  if (recover === false) members['recover'] = recover;
  if (template) members['template'] = template;
  for (const name of ['for', 'repeat', 'message'] as const) {
    if (alert[name]) members[name] = alert[name];
  }
  // Times that have passed would be refused, or mean nothing.
  for (const name of ['starts_at', 'expires_at', 'snoozed_until'] as const) {
    const time = alert[name];
    if (time && new Date(time).getTime() > now) members[name] = time;
  }
  if (alert.notify_on_expiry) members['notify_on_expiry'] = true;
  if (alert.when !== undefined) return withRaw(members, { when: whenJson(alert.when) });
  return withRaw({ ...members, condition: alert.condition }, { target_price: alert.target_price ?? '0' });
}

/** A JSON object of `members` and of texts that are JSON already. */
export function withRaw(members: Record<string, unknown>, raw: Record<string, string>): string {
  const texts = [
    ...Object.entries(raw).map(([name, text]) => `${JSON.stringify(name)}:${text}`),
    ...Object.entries(members).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`),
  ];
  return `{${texts.join()}}`;
}
