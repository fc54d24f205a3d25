// What is sent to make an alert.
import type { Condition } from './conditions.ts';

/** The webhook formats of chats, told by where a URL leads. */
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

/** The request's body. The price stands in it as a number with the digits that were written. */
export function alertBody(alert: {
  ticker: string;
  target_price: string;
  condition: Condition;
  webhook_url: string;
  note: string;
  format: string;
  deliver_within?: string;
  template?: unknown;
}): string {
  const { target_price, note, ...rest } = alert;
  const others = JSON.stringify({ ...rest, ...(note === '' ? {} : { note }) });
  return `{"target_price":${target_price},${others.slice(1)}`;
}
