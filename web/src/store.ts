// The current state: filled by the stream and by lists, shown by the views.
import type { Answer, Api } from './api.ts';
import { toDecimals, usualDecimals } from './decimal.ts';
import type {
  Alert,
  Blind,
  Caught,
  Delivery,
  FiringAnswer,
  Price,
  Quote,
  SourceState,
  StreamMessage,
  WatchState,
} from './types.ts';

export type Topic =
  'prices' | 'quotes' | 'sources' | 'alerts' | 'deliveries' | 'connection' | 'opened' | 'blind' | 'caught';

// As many as the server watches for one client of the stream.
const mostWatched = 50;
// Updates and deletions that are remembered, against lists and answers that are older.
const mostRemembered = 10_000;
// Deliveries that the stream has added to the list; then it is loaded anew.
const mostAdded = 1000;

/** Drops the first entry, the oldest, of what has grown too long. */
function forgetOldest(remembered: Set<string> | Map<string, unknown>): void {
  if (remembered.size > mostRemembered) remembered.delete(remembered.keys().next().value!);
}

/** The newest first. Ids are UUIDv7: they sort by their time. */
function newestFirst<T extends { id: string }>(items: Iterable<T>): T[] {
  return [...items].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
}

function floorOf(page: Answer<Delivery[]>): string {
  return page.next === null ? '' : (page.body.at(-1)?.id ?? '');
}

export interface Connection {
  text: string;
  live: boolean;
  lostAt: number | null; // since when it is no longer live, by this computer's clock
}

export interface PriceState {
  price: Price | null; // null: no price right now
  last: Price | null; // the last known price
  direction: -1 | 0 | 1; // of the last change
}

export class Store {
  readonly prices = new Map<string, PriceState>();
  readonly quotes = new Map<string, Quote[]>();
  readonly sources = new Map<string, SourceState>();
  connection: Connection = { text: 'Connecting…', live: false, lostAt: null };
  /** Tickers that this person has opened beside those that the server always sends; the newest last. */
  readonly opened = new Set<string>();
  /** Whether the tickers that the stream was asked for are watched. */
  readonly watchStates = new Map<string, WatchState>();
  /** Tickers of the user's active alerts that have no price. */
  readonly blind = new Map<string, Blind>();
  private readonly decimals = new Map<string, number>(); // the most that a ticker's prices had
  private readonly closed = new Set<string>(); // their prices may still be on the way
  /** The kinds of messages received so far: tells an empty state from one not received yet. */
  readonly received = new Set<StreamMessage['type']>();

  /** What arrived last at the user's address of the catcher. */
  caught: Caught | null = null;

  alertsLoaded = false;
  deliveriesLoaded = false;
  alertsNext: string | null = null;
  deliveriesNext: string | null = null;
  /** Every delivery from this id on is known. */
  deliveriesFloor = '';
  /** How often the list of deliveries was loaded anew. */
  deliveryReloads = 0;
  private alertsById = new Map<string, Alert>();
  private sortedAlerts: Alert[] | null = null; // these two until the alerts change
  private alertCounts: Map<string, number> | null = null;
  private deliveriesById = new Map<string, Delivery>();
  private sortedDeliveries: Delivery[] | null = null; // until they change
  private added = 0; // deliveries, by the stream since the list was loaded
  private readonly deleted = new Set<string>(); // the last ones
  /** The event count at which an item was last updated, the last ones: answers to requests made before that are older. */
  private readonly updatedAt = new Map<string, number>();
  private readonly toldUntil = new Map<string, number>(); // when alerts fired, as far as was told; the last ones
  private events = 0;
  private user = 0; // changes with the signed-in user, so that answers for a previous user are dropped

  /** Milliseconds by which this computer's clock is ahead of the server's. */
  clockAhead = 0;

  private readonly listeners = new Map<Topic, Set<() => void>>();
  private readonly api: Api;
  onFired: (alert: Alert, firing?: FiringAnswer) => void = () => {};

  constructor(api: Api) {
    this.api = api;
  }

  /** Returns a function that removes the listener. */
  on(topics: Topic[], listener: () => void): () => void {
    for (const topic of topics) {
      const set = this.listeners.get(topic) ?? new Set();
      this.listeners.set(topic, set.add(listener));
    }
    return () => topics.forEach((topic) => this.listeners.get(topic)?.delete(listener));
  }

  private notify(topic: Topic): void {
    if (topic === 'alerts') this.sortedAlerts = this.alertCounts = null;
    if (topic === 'deliveries') this.sortedDeliveries = null;
    this.listeners.get(topic)?.forEach((listener) => listener());
  }

  /** Has everything shown again, in the format that is chosen now. */
  showAgain(): void {
    for (const topic of this.listeners.keys()) this.notify(topic);
  }

  /** The server's current time, estimated. */
  now(): number {
    return Date.now() - this.clockAhead;
  }

  get alerts(): readonly Alert[] {
    return (this.sortedAlerts ??= newestFirst(this.alertsById.values()));
  }
  /** How many active alerts a ticker has. */
  alertsOn(ticker: string): number {
    if (this.alertCounts === null) {
      this.alertCounts = new Map();
      for (const alert of this.alertsById.values())
        if (alert.is_active)
          this.alertCounts.set(alert.ticker, (this.alertCounts.get(alert.ticker) ?? 0) + 1);
    }
    return this.alertCounts.get(ticker) ?? 0;
  }
  get deliveries(): readonly Delivery[] {
    return (this.sortedDeliveries ??= newestFirst(this.deliveriesById.values()));
  }
  alert(id: string): Alert | undefined {
    return this.alertsById.get(id);
  }
  delivery(id: string): Delivery | undefined {
    return this.deliveriesById.get(id);
  }

  open(ticker: string): void {
    this.closed.delete(ticker);
    if (this.prices.has(ticker) || this.opened.has(ticker)) return;
    this.opened.add(ticker);
    this.notify('opened');
  }

  close(ticker: string): void {
    if (!this.opened.delete(ticker)) return;
    this.closed.add(ticker);
    this.prices.delete(ticker);
    this.quotes.delete(ticker);
    this.notify('opened');
  }

  isClosed(ticker: string): boolean {
    return this.closed.has(ticker);
  }

  /** All tickers to show, in the server's order, then as they were opened. */
  get tickers(): string[] {
    return [...[...this.prices.keys()].filter((ticker) => !this.opened.has(ticker)), ...this.opened];
  }

  /** The tickers that the stream is asked for: those opened, and those with active alerts. */
  get wanted(): string[] {
    const alerts = this.alerts.filter((a) => a.is_active && a.watched !== false).map((a) => a.ticker);
    return [...new Set([...this.opened, ...alerts])].slice(0, mostWatched);
  }

  setConnection(text: string, live: boolean): void {
    const { connection } = this;
    const lostAt = live ? null : connection.live ? Date.now() : connection.lostAt;
    this.connection = { text, live, lostAt };
    // The next stream says what is so then.
    if (!live) this.blind.clear();
    this.notify('connection');
  }

  apply(message: StreamMessage): void {
    this.received.add(message.type);
    switch (message.type) {
      case 'prices':
        for (const [ticker, price] of Object.entries(message.prices)) {
          if (!this.closed.has(ticker)) this.setPrice(ticker, price);
        }
        this.notify('prices');
        break;
      case 'quotes':
        for (const [ticker, quotes] of Object.entries(message.quotes)) this.setQuotes(ticker, quotes);
        this.notify('quotes');
        break;
      case 'sources':
        for (const [name, state] of Object.entries(message.sources)) this.sources.set(name, state);
        this.notify('sources');
        break;
      case 'watch':
        this.watchStates.clear();
        for (const [ticker, state] of Object.entries(message.tickers)) this.watchStates.set(ticker, state);
        this.notify('opened');
        break;
      case 'unwatched':
        for (const [ticker, state] of Object.entries(message.tickers)) this.setUnwatched(ticker, state);
        break;
      case 'alert_fired':
        this.putAlert(message.alert);
        if (this.noteFiring(message.alert)) this.onFired(message.alert, message.firing);
        break;
      case 'alert_created':
      case 'alert_changed':
        this.putAlert(message.alert);
        break;
      case 'alert_deleted':
        this.removeAlert(message.alert_id);
        break;
      case 'blind':
        for (const [ticker, state] of Object.entries(message.tickers)) {
          if (state === null) this.blind.delete(ticker);
          else this.blind.set(ticker, state);
        }
        this.notify('blind');
        break;
      case 'delivery':
        if (!this.deliveriesById.has(message.delivery.id)) ++this.added;
        this.putDelivery(message.delivery);
        // If that fails, the next thousand asks again.
        if (this.added > mostAdded) void this.loadDeliveries().catch(() => {});
        break;
      case 'caught':
        this.caught = message.request;
        this.notify('caught');
        break;
    }
  }

  /** A ticker's price with always as many decimals, so that it stands still: the most that were seen, within reason. */
  shown(ticker: string, price: string): string {
    const decimals = Math.min(this.decimals.get(ticker) ?? 0, usualDecimals(price));
    return toDecimals(price, decimals);
  }

  private setPrice(ticker: string, price: Price | null): void {
    if (price !== null) {
      const seen = Math.min(price.price.split('.')[1]?.length ?? 0, usualDecimals(price.price));
      this.decimals.set(ticker, Math.max(this.decimals.get(ticker) ?? 0, seen));
    }
    const before = this.prices.get(ticker);
    const last = before?.last ?? null;
    const change = price !== null && last !== null ? Number(price.price) - Number(last.price) : 0;
    this.prices.set(ticker, {
      price,
      last: price ?? last,
      direction: change > 0 ? 1 : change < 0 ? -1 : (before?.direction ?? 0),
    });
  }

  /** Null: it is watched again. */
  private setUnwatched(ticker: string, state: { reason: string } | null): void {
    for (const alert of this.alertsById.values()) {
      if (alert.ticker !== ticker || !alert.is_active) continue;
      const { watched: _, unwatched_reason: __, ...rest } = alert;
      this.putAlert(state === null ? rest : { ...rest, watched: false, unwatched_reason: state.reason });
    }
  }

  private setQuotes(ticker: string, quotes: Quote[]): void {
    this.quotes.set(ticker, quotes);
    // A quote's age is by the server's clock, and so are the ages shown.
    const newest = quotes[0];
    if (newest !== undefined && newest.age > 0) {
      this.clockAhead = Date.now() - (new Date(newest.time).getTime() + newest.age * 1000);
    }
  }

  /** Call before a request whose answer will be stored: updates by the stream in between are newer. */
  mark(): number {
    return this.events;
  }

  /**
   * False if its last firing was told before: by an event, which may arrive again after a reconnect, or by a list. What
   * an alert is known to be says nothing of it: it may have fired before the event of its creation was sent.
   */
  private noteFiring({ id, triggered_at }: Alert): boolean {
    const at = Date.parse(triggered_at ?? '');
    const told = this.toldUntil.get(id);
    if (Number.isNaN(at) || (told !== undefined && told >= at)) return false;
    this.toldUntil.delete(id);
    this.toldUntil.set(id, at);
    forgetOldest(this.toldUntil);
    return true;
  }

  private updatedSince(id: string, mark: number): boolean {
    return (this.updatedAt.get(id) ?? 0) > mark;
  }

  private touch(id: string): void {
    this.updatedAt.delete(id);
    this.updatedAt.set(id, ++this.events);
    forgetOldest(this.updatedAt);
  }

  putAlert(alert: Alert, mark = this.events): void {
    if (this.deleted.has(alert.id) || this.updatedSince(alert.id, mark)) return;
    this.touch(alert.id);
    this.alertsById.set(alert.id, alert);
    this.notify('alerts');
  }
  removeAlert(id: string): void {
    this.deleted.add(id);
    forgetOldest(this.deleted);
    this.updatedAt.delete(id);
    this.alertsById.delete(id);
    this.notify('alerts');
  }
  putDelivery(delivery: Delivery, mark = this.events): void {
    if (this.updatedSince(delivery.id, mark)) return;
    this.touch(delivery.id);
    this.deliveriesById.set(delivery.id, delivery);
    this.notify('deliveries');
  }

  /** Merges a list requested at `mark` into the known items. */
  private merge<T extends { id: string }>(
    known: Map<string, T>,
    list: T[],
    mark: number,
    keepOthers: boolean,
  ): Map<string, T> {
    const merged = new Map<string, T>();
    for (const [id, item] of known) if (keepOthers || this.updatedSince(id, mark)) merged.set(id, item);
    for (const item of list) {
      if (!this.deleted.has(item.id) && !this.updatedSince(item.id, mark)) merged.set(item.id, item);
    }
    return merged;
  }

  async loadAlerts(): Promise<void> {
    const [mark, user] = [this.mark(), this.user];
    // One request for most users, since there is a limit. Of the others all active ones too: each is a line on a chart.
    const newest = await this.api.get<Alert[]>('/api/v1/alerts/?limit=200');
    const active =
      newest.next === null
        ? []
        : (await this.api.get<Alert[]>('/api/v1/alerts/?is_active=true&limit=1000')).body;
    if (user !== this.user) return;
    // An alert that fired between the two answers is in both; the later answer wins.
    const listed = [...newest.body, ...active];
    listed.forEach((alert) => this.noteFiring(alert));
    this.alertsById = this.merge(this.alertsById, listed, mark, false);
    this.alertsNext = newest.next;
    this.alertsLoaded = true;
    this.notify('alerts');
  }

  async loadMoreAlerts(): Promise<void> {
    if (this.alertsNext === null) return;
    const [mark, user] = [this.mark(), this.user];
    const page = await this.api.get<Alert[]>(this.alertsNext);
    if (user !== this.user) return;
    this.alertsById = this.merge(this.alertsById, page.body, mark, true);
    this.alertsNext = page.next;
    this.notify('alerts');
  }

  async loadDeliveries(): Promise<void> {
    this.added = 0;
    const [mark, user] = [this.mark(), this.user];
    const page = await this.api.get<Delivery[]>('/api/v1/deliveries/?limit=100');
    if (user !== this.user) return;
    this.deliveriesById = this.merge(this.deliveriesById, page.body, mark, false);
    this.deliveriesNext = page.next;
    this.deliveriesFloor = floorOf(page);
    this.deliveriesLoaded = true;
    ++this.deliveryReloads;
    this.notify('deliveries');
  }

  async loadMoreDeliveries(): Promise<void> {
    if (this.deliveriesNext === null) return;
    const [mark, user] = [this.mark(), this.user];
    const page = await this.api.get<Delivery[]>(this.deliveriesNext);
    if (user !== this.user) return;
    this.deliveriesById = this.merge(this.deliveriesById, page.body, mark, true);
    this.deliveriesNext = page.next;
    this.deliveriesFloor = floorOf(page);
    this.notify('deliveries');
  }

  clear(): void {
    this.alertsById.clear();
    this.sortedAlerts = this.alertCounts = null;
    this.deliveriesById.clear();
    this.sortedDeliveries = null;
    this.added = 0;
    this.deleted.clear();
    this.updatedAt.clear();
    this.toldUntil.clear();
    ++this.user;
    this.prices.clear();
    this.decimals.clear();
    this.opened.clear();
    this.closed.clear();
    this.watchStates.clear();
    this.blind.clear();
    this.quotes.clear();
    this.sources.clear();
    this.received.clear();
    this.alertsLoaded = this.deliveriesLoaded = false;
    this.alertsNext = this.deliveriesNext = null;
    this.deliveriesFloor = '';
    this.caught = null;
  }
}
