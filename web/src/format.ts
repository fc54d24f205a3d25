// Times, ages and distances for people.
import { conditionWord } from './conditions.ts';
import { percentBetween } from './decimal.ts';
import { settings } from './settings.ts';
import type { Alert, Blind, Interval, Price } from './types.ts';

/** 0.4 s, 12 s, 3 min, 2 h, 5 d. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 59.5) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  if (hours < 23.5) return `${Math.round(hours)} h`;
  return `${Math.round(hours / 24)} d`;
}

/** "live", "12 s ago": of a price. Tenths of a second would flicker beside each. */
export function priceAge(milliseconds: number): string {
  return milliseconds < 10_000 ? 'live' : `${formatAge(milliseconds)} ago`;
}

/** "in 12 s" or "now", from the milliseconds left. */
export function formatUntil(milliseconds: number): string {
  if (milliseconds < 1000) return 'now';
  return `in ${formatAge(milliseconds).replace(/\.\d/, '')}`;
}

/** "1 alert", "3 alerts". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** 116 ms, 2.31 s. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return '< 1 ms';
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

const pad = (n: number): string => String(n).padStart(2, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface Moment {
  year: number;
  month: number; // from 0
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const inZones = new Map<string, Intl.DateTimeFormat>();

function partsIn(zone: string, date: Date): Moment {
  let format = inZones.get(zone);
  if (format === undefined) {
    const all = {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    };
    format = new Intl.DateTimeFormat('en', { ...(all as object), timeZone: zone, hourCycle: 'h23' });
    inZones.set(zone, format);
  }
  const of: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of format.formatToParts(date)) of[type] = Number(value);
  const { year = 0, month = 1, day = 0, hour = 0, minute = 0, second = 0 } = of;
  return { year, month: month - 1, day, hour, minute, second };
}

/** In the zone that the user has chosen, by default this computer's. */
export function momentOf(date: Date): Moment {
  const { zone } = settings.now;
  if (zone !== '') return partsIn(zone, date);
  return {
    year: date.getFullYear(),
    month: date.getMonth(),
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
  };
}

/** By how many seconds the chosen zone is ahead of UTC at a moment. */
export function zoneOffset(date: Date): number {
  const { year, month, day, hour, minute, second } = momentOf(date);
  return (Date.UTC(year, month, day, hour, minute, second) - Math.floor(date.getTime() / 1000) * 1000) / 1000;
}

/** "UTC", "UTC+1", "UTC−3:30": of the chosen zone at a moment. */
export function zoneInWords(date = new Date()): string {
  const minutes = Math.round(zoneOffset(date) / 60);
  const size = Math.abs(minutes);
  if (size === 0) return 'UTC';
  const rest = size % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${rest === 0 ? '' : `:${pad(rest)}`}`;
}

/** When clocks of the chosen zone show what a clock of UTC shows at `shown`, in milliseconds. */
function whenClocksShow(shown: number): Date {
  const near = new Date(shown - zoneOffset(new Date(shown)) * 1000);
  return new Date(shown - zoneOffset(near) * 1000);
}

/** The value of a datetime-local field, in the chosen zone to the minute; empty for null. */
export function fieldOfTime(time: string | null): string {
  if (time === null) return '';
  const date = new Date(time);
  return new Date(date.getTime() + zoneOffset(date) * 1000).toISOString().slice(0, 16);
}

export function timeOfField(value: string): string | null {
  return value === '' ? null : whenClocksShow(Date.parse(`${value}Z`)).toISOString();
}

/** Eight in the morning of the day after. */
export function nextMorning(now: number): Date {
  const { year, month, day } = momentOf(new Date(now));
  return whenClocksShow(Date.UTC(year, month, day + 1, 8));
}

export function formatClock(date: Date, seconds = true): string {
  const { hour, minute, second } = momentOf(date);
  return `${pad(hour)}:${pad(minute)}${seconds ? `:${pad(second)}` : ''}`;
}

export function formatDay(date: Date, withYear = false): string {
  const { year, month, day } = momentOf(date);
  return `${day} ${months[month]}${withYear ? ` ${year}` : ''}`;
}

/** The day in UTC, by which daily bars begin. */
export function formatUtcDay(date: Date, withYear = false): string {
  const year = withYear ? ` ${date.getUTCFullYear()}` : '';
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}${year}`;
}

/** Days and weeks begin at midnight in UTC, whatever the viewer's time zone. */
export function isOfUtc(interval: Interval): boolean {
  return interval === '1d' || interval === '1w';
}

/** 1.23 M, 45.6 K, 0.0789: what was traded, in the coin. */
export function formatVolume(volume: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['B', 1e9],
    ['M', 1e6],
    ['K', 1e3],
  ] as const) {
    if (volume >= size) return `${(volume / size).toPrecision(3)} ${unit}`;
  }
  return volume.toPrecision(3);
}

/** When a bar begins: days and weeks in UTC, and marked so; shorter intervals in the chosen zone. */
export function formatBarTime(seconds: number, interval: Interval): string {
  const date = new Date(seconds * 1000);
  return isOfUtc(interval)
    ? `${formatUtcDay(date, true)} UTC`
    : `${formatDay(date)} ${formatClock(date, false)}`;
}

/** In the chosen zone: only the clock today, else with the date. */
export function formatTime(time: string, now = new Date()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  if (formatDay(date, true) === formatDay(now, true)) return formatClock(date);
  return `${formatDay(date, momentOf(date).year !== momentOf(now).year)}, ${formatClock(date)}`;
}

/** "29 Nov 2026, 03:18:25 UTC+1": where it is read long after. */
export function formatMoment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return `${formatDay(date, true)}, ${formatClock(date)} ${zoneInWords(date)}`;
}

/** +1.24 %, −0.031 %: with enough digits to distinguish small changes from none. */
export function formatPercent(percent: number): string {
  const size = Math.abs(percent);
  const digits = size >= 100 ? 0 : size >= 0.1 || size < 0.0005 ? 2 : 3;
  const text = size.toFixed(digits);
  // What rounds to nothing has no sign.
  const sign = Number(text) === 0 ? '' : percent > 0 ? '+' : '−';
  return `${sign}${text.replace('.', settings.marks.decimal)} %`;
}

/** How far the price is from the target. */
export function formatDistance(price: string, target: string): string {
  return formatPercent(percentBetween(price, target));
}

/** "BTC above 70000", or "70,000" with `group`; for more than that, its own sentence: for titles and notifications. */
export function alertTitle(
  { ticker, says, condition, target_price }: Pick<Alert, 'ticker' | 'says' | 'condition' | 'target_price'>,
  group = (s: string) => s,
): string {
  if (says !== undefined || condition === null || target_price === null) return says ?? ticker;
  return `${ticker} ${conditionWord(condition)} ${group(target_price)}`;
}

/** Its state in one word, also of one of the plain form, which has no `status`. */
export function alertState({ status, is_active }: Alert): NonNullable<Alert['status']> {
  return status ?? (is_active ? 'active' : 'fired');
}

/** "Active", "Snoozed until 18:00", "Fired 3 times". */
export function alertStatusInWords(alert: Alert): string {
  const { status, firings = 0 } = alert;
  switch (status) {
    case 'scheduled':
      return alert.starts_at ? `Starts ${formatTime(alert.starts_at)}` : 'Scheduled';
    case 'snoozed':
      return alert.snoozed_until ? `Snoozed until ${formatTime(alert.snoozed_until)}` : 'Snoozed';
    case 'paused':
      return 'Paused';
    case 'expired':
      return 'Expired';
    case 'fired':
      return alert.late ? 'Fired late' : firings > 1 ? `Fired ${firings} times` : 'Fired';
    default:
      if (!alert.is_active) return alert.late ? 'Fired late' : 'Fired';
      return firings === 0
        ? 'Active'
        : firings === 1
          ? 'Active, fired once'
          : `Active, fired ${firings} times`;
  }
}

/** "BTC: no price since 10:11 (binance is silent). 12 alerts wait." */
export function blindInWords(ticker: string, { since, reason, alerts }: Blind): string {
  const why = reason === '' ? '' : ` (${reason.replace(/\.$/, '')})`;
  return `${ticker}: no price since ${formatTime(since)}${why}. ${counted(alerts, 'alert waits', 'alerts wait')}.`;
}

/** "at 14:03:12", or "between 14:03:00 and 14:04:00": when the event behind a late firing happened. */
export function occurredInWords({ occurred_at, occurred_between }: Alert): string {
  if (occurred_at !== undefined) return `at ${formatTime(occurred_at)}`;
  if (occurred_between === undefined) return '';
  return `between ${occurred_between.map((time) => formatTime(time)).join(' and ')}`;
}

/** "The price is 70,001.", for a notification; empty if it has not fired. */
export function firedInWords(alert: Alert, group: (price: string) => string): string {
  if (alert.triggered_price === null) return '';
  const price = group(alert.triggered_price);
  return alert.late
    ? `The price was ${price} ${occurredInWords(alert)}, unwatched.`
    : `The price is ${price}.`;
}

/** A URL without https://, for a narrow column. */
export function shortUrl(url: string): string {
  return url.replace(/^https:\/\//, '');
}

/** "±0.012 % · 9 sources": how far the sources are apart, and how many agree. */
export function precisionInWords({ price, band, agreeing }: Price): string {
  const parts: string[] = [];
  if (band !== undefined) {
    const width = Math.max(...[band.low, band.high].map((end) => Math.abs(percentBetween(price, end))));
    parts.push(formatPercent(width).replace(/^\+?/, '±'));
  }
  if (agreeing !== undefined) parts.push(counted(agreeing, 'source'));
  return parts.join(' · ');
}

const reasons: Record<string, string> = {
  counted: 'Counts',
  check_only: 'Only checks the exchanges',
  stale: 'Left out: too old',
  disputed: 'Left out: the exchanges disagree',
  outlier: 'Left out: too far from the others',
  unconfirmed: 'Left out: a jump not confirmed yet',
  foreign: 'Left out: not in dollars, USDT or USDC',
  lagging: 'Left out: lags behind the others',
  stuck: 'Left out: repeats an old price',
  off_peg: 'Left out: its currency has left the dollar',
};

/** Why a quote counts or not. */
export function reasonInWords(reason: string): string {
  return reasons[reason] ?? `Left out: ${reason.replace(/_/g, ' ')}`;
}

const states: Record<string, string> = {
  polling_fallback: 'Polling instead',
  unavailable_here: 'Not available from here',
  maintenance: 'In maintenance',
  disabled: 'Switched off',
};

/** How a source's prices arrive, or why they do not. While its stream is in maintenance REST may go on. */
export function stateInWords(state: string, detail = ''): string {
  if (state === 'polling_fallback' && detail.includes('in maintenance')) return 'In maintenance, polling';
  return states[state] ?? state.charAt(0).toUpperCase() + state.slice(1).replace(/_/g, ' ');
}

const statuses: Record<string, string> = {
  pending: 'Pending',
  delivering: 'Sending',
  delivered: 'Delivered',
  failed: 'Failed',
  expired: 'Expired',
  cancelled: 'Cancelled',
};

export function statusInWords(status: string): string {
  return statuses[status] ?? status;
}
