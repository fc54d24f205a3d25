// What the server sends. Prices are strings: the digits exactly as sent.
import type { Condition } from './conditions.ts';
import { rulesOf, type Repeat, type When } from './rules.ts';

// In US dollars. What a feed of an older version does not know is absent.
export interface Price {
  price: string;
  time: string;
  band?: { low: string; high: string };
  agreeing?: number; // sources that agree with it
  note?: string;
}

export interface Quote {
  source: string;
  kind: 'exchange' | 'aggregator';
  price: string;
  currency: string;
  dollars: string | null;
  spread_bp: number | null; // in hundredths of a percent of the ticker's price
  time: string;
  age: number;
  counts: boolean;
  reason: string;
}

export interface SourceState {
  status: 'ok' | 'degraded' | 'down';
  kind: Quote['kind'];
  title: string;
  state: string; // empty: a feed of an older version
  detail?: string;
  last_quote_at?: string | null;
}

// A browser that is notified while the page is closed.
export interface Device {
  id: string;
  label: string;
  host: string;
  created_at: string;
  last_success_at: string | null;
  last_failure: { at: string; reason: string } | null;
}

export interface Devices {
  public_key: string | null; // null: this server sends no pushes
  subscriptions: Device[];
}

export interface Alert {
  id: string;
  ticker: string;
  target_price: string | null; // null: its rule is not one number's
  condition: Condition | null;
  webhook_url: string;
  is_active: boolean;
  created_at: string;
  triggered_at: string | null;
  triggered_price: string | null;
  format: string;
  note: string;
  deliver_within: string;
  template?: { body: string; content_type?: string };
  endpoint_disabled_at?: string;
  watched?: false; // present while the ticker cannot be watched
  unwatched_reason?: string; // of that, one sentence
  recover?: false; // present if it does not fire for what happened unwatched
  late?: true; // it fired for what happened unwatched, by the history of `sources`; one of the next two says when
  occurred_at?: string;
  occurred_between?: [string, string];
  sources?: string[];
  // Of an alert that says more than above or below a number, once.
  says?: string; // one sentence
  when?: When;
  for?: string | null;
  repeat?: Repeat | null;
  starts_at?: string | null;
  expires_at?: string | null;
  snoozed_until?: string | null;
  notify_on_expiry?: boolean;
  message?: string | null;
  status?: 'scheduled' | 'active' | 'snoozed' | 'paused' | 'fired' | 'expired';
  firings?: number;
  revision?: number;
}

/** An alert at one price, which is a line on the chart. */
export type LineAlert = Alert & { target_price: string; condition: Condition };

export function isLine(alert: Alert): alert is LineAlert {
  if (alert.target_price === null || alert.condition === null) return false;
  return alert.when === undefined || rulesOf(alert.when).every((rule) => isOfPrice(rule.watch));
}

/** Whether a rule watches a price: ratios and ages are counted in something else. */
export function isOfPrice(watch: unknown): boolean {
  return watch === undefined || watch === null || (typeof watch === 'object' && 'close' in watch);
}

/** Why an alert has not fired. */
export interface AlertStateAnswer {
  says: string;
  // For a channel, lists of two.
  rules?: { level: string | null | (string | null)[] }[];
  start?: { time: string; price: string | null } | null;
}

/** What an alert would have done. Numbers are their digits. */
export interface PreviewAnswer {
  covers: { from: string; to: string };
  would_have_fired: { least: number; most: number };
  firings: { time: string; price: { from: string; to: string }; sure: boolean }[]; // the last ones, oldest first
  notes: string[];
}

export interface FiringAnswer {
  number: number;
  fired_at: string;
  price: string | null;
  because: string;
  delivery_id: string | null;
}

export type DeliveryStatus = 'pending' | 'delivering' | 'delivered' | 'failed' | 'expired' | 'cancelled';

export interface Delivery {
  id: string;
  alert_id: string;
  ticker: string;
  webhook_url: string;
  kind: 'alert' | 'test' | 'expired' | 'push';
  device?: { id: string; label: string }; // of a push: where it goes in place of a webhook's URL
  status: DeliveryStatus;
  attempt_count: number;
  created_at: string;
  deadline: string;
  next_attempt_at: string | null;
  finished_at: string | null;
  reason: string | null;
  last_status: number | null;
  attempts_allowed: number;
}

export interface Attempt {
  number: number;
  started_at: string;
  duration_ms: number;
  status: number | null;
  error: string | null;
  address: string | null;
  request_headers: Record<string, string> | null;
  answer: string | null;
  times: {
    dns_ms: number | null;
    connect_ms: number | null;
    tls_ms: number | null;
    first_byte_ms: number | null;
  };
}

export interface DeliveryDetail extends Delivery {
  endpoint: { name: string; breaker: BreakerState; retry_at: string | null };
  attempts: Attempt[];
  attempts_dropped: number; // older ones, which are not kept
  request: { headers: Record<string, string>; body: string } | null; // of the last attempt
  firing?: FiringAnswer | null;
}

/** What `recover` has done, or with `dry_run` would do. */
export interface Recovery {
  recovered?: number;
  would_recover?: number; // with `dry_run`
  more: boolean;
  next_since: string | null;
  passed_over: { retries_used_up: number; endpoint_disabled: number };
}

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface Endpoint {
  webhook_url: string;
  disabled_at: string | null;
  reason: string | null;
  breaker: { state: BreakerState; failures: number; retry_at: string | null; reason: string | null };
  state: 'not_called' | 'ok' | 'failing' | 'paused';
  last_24h: EndpointDay;
  last_success_at: string | null;
  last_failure: { at: string; reason: string | null } | null;
}

/** Of the attempts of the last 24 hours. */
export interface EndpointDay {
  attempts: number;
  succeeded: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface User {
  id: string;
  email: string;
  is_active: boolean;
  created_at: string;
}

export interface NewKeys {
  api_key?: string;
  webhook_secret?: string;
  webhook_public_key?: string;
  previous_valid_until?: string;
}

export interface WebhookKey {
  scheme: 'v1' | 'v1a';
  webhook_public_key?: string;
  previous_valid_until: string | null;
}

export interface Bar {
  time: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume?: string; // in the coin
  history?: true; // from the exchanges' own history
}

export interface HistoryAnswer {
  bars: Bar[];
  loading?: boolean; // the exchanges' history of the ticker is being read
}

export interface ChangesAnswer {
  time: string;
  changes: { ticker: string; open_24h: number | null; since: string | null; sparkline: (number | null)[] }[];
}

export type Interval = '1m' | '5m' | '15m' | '1h' | '4h' | '1d' | '1w';
export const intervals: readonly Interval[] = ['1m', '5m', '15m', '1h', '4h', '1d', '1w'];
export const intervalSeconds: Record<Interval, number> = {
  '1m': 60,
  '5m': 300,
  '15m': 900,
  '1h': 3600,
  '4h': 14_400,
  '1d': 86_400,
  '1w': 604_800,
};

// A coin of the directory, watched or not.
export interface FoundTicker {
  ticker: string;
  name: string | null;
  watched: boolean;
  price: string | null;
  venues: {
    name: string;
    symbol: string;
    currency: string;
    status: 'trading' | 'halted' | 'delisted';
    disagrees: boolean; // its price is that of another coin
  }[];
}

/** A ticker that has no price. */
export interface Blind {
  since: string;
  reason: string;
  alerts: number; // the user's active ones, which wait
}

export interface WatchState {
  watched: boolean;
  state?: string; // where it is not watched; "starting": in a moment
  reason?: string;
}

/** A request that has arrived at the user's address of the built-in receiver. */
export interface Caught {
  id: string;
  at: string;
  method: string;
  headers: Record<string, string>; // names in lower case
  body: string;
  signature: 'valid' | 'invalid' | 'missing' | 'unknown';
}

/** That address; it lives for an hour. */
export interface Catcher {
  id: string;
  url: string;
  expires_at: string;
  requests: Caught[]; // newest first
}

// Messages of the stream (documented under GET /api/v1/stream).
export type StreamMessage =
  | { type: 'ready'; last_event_id?: string }
  | { type: 'prices'; prices: Record<string, Price | null> }
  | { type: 'quotes'; quotes: Record<string, Quote[]> }
  | { type: 'sources'; sources: Record<string, SourceState> }
  | { type: 'alert_fired'; id: string; alert: Alert; firing?: FiringAnswer }
  | { type: 'alert_created'; id: string; alert: Alert }
  | { type: 'alert_changed'; id: string; alert: Alert }
  | { type: 'alert_deleted'; id: string; alert_id: string }
  | { type: 'blind'; tickers: Record<string, Blind | null> } // of the user's active alerts
  | { type: 'delivery'; id: string; delivery: Delivery }
  | { type: 'caught'; id: string; request: Caught }
  | { type: 'watch'; tickers: Record<string, WatchState> } // of those that were asked for
  | { type: 'unwatched'; tickers: Record<string, { reason: string } | null> } // of the user's active alerts
  | { type: 'missed' }
  | { type: 'pong' }
  | { type: 'error'; detail?: string; code?: number };
