// Bars by ticker and interval: loaded once, continued by live prices, reloaded after a gap in the stream.
import type { Api } from './api.ts';
import { messageOf } from './api.ts';
import { askedFor, combineBars, drawn, joinBars, takePrice, type DrawnBar } from './bars.ts';
import type { Store } from './store.ts';
import type { HistoryAnswer, Interval } from './types.ts';

export interface Series {
  readonly ticker: string;
  readonly interval: Interval;
  readonly limit: number;
  bars: DrawnBar[];
  loaded: boolean;
  filling: boolean; // the server is reading the exchanges' history, so there will be more
  fillings: number; // loads so far that found it so
  error: string;
  failures: number; // consecutive
  retry: 'none' | 'later' | 'due';
  exact: boolean; // a view has asked for exact bars since the last correction
  begun: boolean; // live prices have begun the last bar, which the last load did not have
  correcting: boolean;
  extending: boolean; // older bars are being loaded
  extended: boolean; // some have been
  complete: boolean; // the server has no older bars
}

type Later = (work: () => void, milliseconds: number) => void;

// Concurrent requests, limited so that many tickers do not exceed the server's rate limit together.
const atOnce = 4;
const firstWait = 5000;
const longestWait = 60_000;
// The server writes bars every 5 s.
const correctAfter = 6000;
// While the server reads the exchanges' history.
const fillingPause = 1500;
const mostFillings = 40; // then it is taken for complete
const mostAsked = 1500; // bars that the server sends at once
const mostKept = 20_000; // bars of a series
const mostSeries = 24; // those looked at last, whose bars live prices continue

export class History {
  private readonly waiting: Series[] = [];
  private inFlight = 0;
  private readonly series = new Map<string, Series>();
  private readonly listeners = new Set<(series: Series) => void>();
  private readonly lastTaken = new Map<string, string>();
  private readonly api: Api;
  private readonly store: Store;
  private readonly later: Later;

  /** `later` is injected by tests. */
  constructor(api: Api, store: Store, later: Later = (work, milliseconds) => setTimeout(work, milliseconds)) {
    this.api = api;
    this.store = store;
    this.later = later;
    store.on(['prices'], () => this.takePrices());
    store.on(['opened'], () => this.forgetClosed());
  }

  onChange(listener: (series: Series) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * The bars loaded so far. Starts loading if needed; retries a failed load as long as a view keeps calling this. A bar
   * that live prices begin opens with the first price that was seen here; for `exact` ones the server's is asked for.
   */
  get(ticker: string, interval: Interval, limit: number, exact = false): Series {
    const key = `${ticker} ${interval} ${limit}`;
    let series = this.series.get(key);
    if (series === undefined) {
      series = {
        ticker,
        interval,
        limit,
        bars: [],
        loaded: false,
        filling: false,
        fillings: 0,
        error: '',
        failures: 0,
        retry: 'none',
        exact: false,
        begun: false,
        correcting: false,
        extending: false,
        extended: false,
        complete: false,
      };
      this.keep(key, series);
      const price = this.store.prices.get(ticker)?.price;
      if (price) this.take(series, price.price, price.time);
      // The chart on display loads before the sparklines.
      this.waiting.unshift(series);
      this.loadNext();
    } else {
      this.keep(key, series);
      if (series.retry === 'due') {
        series.retry = 'none';
        this.loadAgain(series);
      }
    }
    series.exact ||= exact;
    this.correctLater(series);
    return series;
  }

  /** As the one looked at last; of too many the one that nobody has looked at for longest goes. */
  private keep(key: string, series: Series): void {
    this.series.delete(key);
    this.series.set(key, series);
    if (this.series.size > mostSeries) this.series.delete(this.series.keys().next().value!);
  }

  /** Loads the bars before the first one, for a chart that is scrolled back. */
  async extend(series: Series): Promise<void> {
    const first = series.bars[0];
    // While the server is still reading, its next answer has more anyway.
    const isLoading = !series.loaded || series.filling || series.extending;
    if (first === undefined || isLoading || series.complete) return;
    series.extending = true;
    try {
      const { bars, loading } = await this.ask(series, new Date(first.time * 1000).toISOString());
      if (series.bars[0]?.time === first.time) series.bars = [...bars, ...series.bars];
      series.extended = true;
      series.complete = (bars.length === 0 && !loading) || series.bars.length > mostKept;
    } catch {
      // Scrolling on asks again.
    }
    this.later(() => (series.extending = false), 1000);
    this.notify(series);
  }

  /** The newest bars, or those before `to`. */
  private async ask(series: Series, to = ''): Promise<{ bars: DrawnBar[]; loading: boolean }> {
    const { interval, times } = askedFor(series.interval);
    const limit = Math.min(mostAsked, series.limit * times);
    const path = `/api/v1/rates/${encodeURIComponent(series.ticker)}/history?interval=${interval}&limit=${limit}`;
    const { body } = await this.api.get<HistoryAnswer>(to === '' ? path : `${path}&to=${to}`);
    const sent = body.bars.map(drawn);
    const bars = times === 1 ? sent : combineBars(sent, series.interval);
    // Of a combined bar at the limit some may be missing.
    if (times > 1 && sent.length === limit && sent[0]!.time !== bars[0]!.time) bars.shift();
    return { bars, loading: body.loading === true };
  }

  /** Reloads everything in use, after a gap in the stream. */
  reload(): void {
    for (const series of this.series.values()) if (!this.waiting.includes(series)) this.waiting.push(series);
    this.loadNext();
  }

  clear(): void {
    this.series.clear();
    this.waiting.length = 0;
    this.lastTaken.clear();
  }

  private correctLater(series: Series): void {
    if (!series.exact || !series.begun || series.correcting) return;
    series.exact = false;
    series.correcting = true;
    this.later(() => {
      series.correcting = false;
      if (this.isUsed(series)) this.loadAgain(series);
    }, correctAfter);
  }

  private forgetClosed(): void {
    for (const [key, series] of this.series) if (this.store.isClosed(series.ticker)) this.series.delete(key);
  }

  private isUsed(series: Series): boolean {
    return [...this.series.values()].includes(series);
  }

  private loadAgain(series: Series): void {
    if (!this.waiting.includes(series)) this.waiting.push(series);
    this.loadNext();
  }

  private loadNext(): void {
    while (this.inFlight < atOnce) {
      const series = this.waiting.shift();
      if (series === undefined) return;
      ++this.inFlight;
      void this.load(series).finally(() => {
        --this.inFlight;
        this.loadNext();
      });
    }
  }

  private async load(series: Series): Promise<void> {
    series.begun = false;
    try {
      const { bars: sent, loading } = await this.ask(series);
      series.bars = joinBars(sent, series.bars);
      // The server may not have the bar of this moment yet.
      series.begun ||= (series.bars.at(-1)?.time ?? 0) > (sent.at(-1)?.time ?? 0);
      series.error = '';
      series.loaded = true;
      series.failures = 0;
      series.filling = loading && ++series.fillings < mostFillings;
      if (series.filling) this.later(() => this.isUsed(series) && this.loadAgain(series), fillingPause);
    } catch (error) {
      series.error = messageOf(error);
      ++series.failures;
      this.retryLater(series);
    }
    this.notify(series);
    this.correctLater(series);
  }

  /** Notifies listeners when a retry is due; their next get() starts it. */
  private retryLater(series: Series): void {
    if (series.retry !== 'none') return;
    series.retry = 'later';
    this.later(
      () => {
        series.retry = series.error === '' ? 'none' : 'due';
        if (series.retry === 'due') this.notify(series);
      },
      Math.min(longestWait, firstWait * 2 ** (series.failures - 1)),
    );
  }

  private takePrices(): void {
    for (const [ticker, { price }] of this.store.prices) {
      if (price === null || this.lastTaken.get(ticker) === price.time + price.price) continue;
      this.lastTaken.set(ticker, price.time + price.price);
      for (const series of this.series.values()) {
        if (series.ticker === ticker && this.take(series, price.price, price.time)) this.notify(series);
      }
    }
  }

  private take(series: Series, price: string, time: string): boolean {
    const seconds = new Date(time).getTime() / 1000;
    if (!Number.isFinite(seconds)) return false;
    const last = series.bars.at(-1)?.time;
    takePrice(series.bars, series.interval, Number(price), seconds);
    series.begun ||= series.bars.at(-1)?.time !== last;
    this.correctLater(series);
    // A chart that was scrolled back keeps what it has loaded.
    const most = series.extended ? mostKept : series.limit;
    if (series.bars.length > most + 50) series.bars.splice(0, series.bars.length - most);
    return true;
  }

  private notify(series: Series): void {
    this.listeners.forEach((listener) => listener(series));
  }
}
