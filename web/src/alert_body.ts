// The request that creates an alert.
import type { Condition } from './conditions.ts';

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

/** The request's body. The price is a JSON number with exactly the digits entered. */
export function alertBody(alert: {
  ticker: string;
  target_price: string;
  condition: Condition;
  webhook_url: string;
  note: string;
  format: string;
  deliver_within?: string;
  recover?: false;
  template?: unknown;
}): string {
  const { target_price, note, ...rest } = alert;
  const others = JSON.stringify({ ...rest, ...(note === '' ? {} : { note }) });
  return `{"target_price":${target_price},${others.slice(1)}`;
}
