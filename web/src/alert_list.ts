// Which alerts a list shows, and in which order (pure).
import { percentBetween } from './decimal.ts';
import { alertTitle } from './format.ts';
import { endpointId } from './route.ts';
import { isLine, type Alert } from './types.ts';

export const alertStates = ['all', 'active', 'paused', 'fired', 'expired'] as const;
export type AlertState = (typeof alertStates)[number];

export const alertOrders = {
  newest: 'Newest first',
  nearest: 'Nearest first',
  ticker: 'By ticker',
  fired: 'Last fired first',
} as const;
export type AlertOrder = keyof typeof alertOrders;

export interface AlertFilter {
  state: AlertState;
  ticker: string; // empty: any
  endpoint: string; // an endpointId(); empty: any
  text: string;
}

function isIn(alert: Alert, state: AlertState): boolean {
  switch (state) {
    case 'all':
      return true;
    case 'active':
      return alert.is_active;
    case 'fired':
      return !alert.is_active && (alert.status ?? 'fired') === 'fired';
    default:
      return alert.status === state;
  }
}

/** Each word of the text must be found in what the row shows; numbers with and without their commas. */
export function matchesAlert(alert: Alert, filter: AlertFilter): boolean {
  if (!isIn(alert, filter.state)) return false;
  if (filter.ticker !== '' && alert.ticker !== filter.ticker) return false;
  if (filter.endpoint !== '' && endpointId(alert.webhook_url) !== filter.endpoint) return false;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const shown = `${alertTitle(alert)} ${alert.note} ${alert.webhook_url}`.toLowerCase();
  return words.every(
    (word) =>
      // By its id too: notifications lead here. Not by a few of its digits, which are in many.
      (word.length >= 8 && alert.id.includes(word)) ||
      shown.includes(word) ||
      shown.replaceAll(',', '').includes(word.replaceAll(',', '')),
  );
}

/** `priceOf`: the present price, or null. Those without a distance come last in their order. */
export function orderAlerts(
  alerts: readonly Alert[],
  order: AlertOrder,
  priceOf: (ticker: string) => string | null,
): Alert[] {
  const byId = (a: Alert, b: Alert): number => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
  switch (order) {
    case 'newest':
      return [...alerts].sort(byId);
    case 'ticker':
      return [...alerts].sort((a, b) => a.ticker.localeCompare(b.ticker) || byId(a, b));
    case 'fired':
      return [...alerts].sort((a, b) => timeOf(b) - timeOf(a) || byId(a, b));
    case 'nearest': {
      const away = new Map(alerts.map((alert) => [alert.id, distanceOf(alert, priceOf(alert.ticker))]));
      return [...alerts].sort((a, b) => compare(away.get(a.id)!, away.get(b.id)!) || byId(a, b));
    }
  }
}

function timeOf({ triggered_at }: Alert): number {
  return triggered_at === null ? 0 : new Date(triggered_at).getTime();
}

function distanceOf(alert: Alert, price: string | null): number {
  if (!alert.is_active || price === null || !isLine(alert)) return Infinity;
  return Math.abs(percentBetween(price, alert.target_price));
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
