// The last 24 hours of each ticker that is looked at: hourly bars, loaded one after another within the server's limits.
import type { Api } from './api.ts';
import { drawn, type DrawnBar } from './bars.ts';
import type { HistoryAnswer } from './types.ts';

export interface Day {
  readonly bars: readonly DrawnBar[];
  readonly loadedAt: number;
}

const dayLength = 86_400;
const hour = 3600;
const atOnce = 2;
// The limit is 30 requests in 10 s, which the chart and the search need too.
const mostTokens = 8;
const tokenEvery = 600;
const staleAfter = 10 * 60_000;
const retryAfter = 30_000;

type Later = (work: () => void, milliseconds: number) => void;

export class DayStats {
  private readonly days = new Map<string, Day>();
  private readonly tried = new Map<string, number>(); // when it was last asked for
  private readonly first = new Set<string>(); // to be asked for: those looked at, the last one first
  private readonly others = new Set<string>(); // and then these
  private readonly listeners = new Set<(ticker: string) => void>();
  private inFlight = 0;
  private tokens = mostTokens;
  private refilling = false;
  private session = 0;
  private readonly api: Api;
  private readonly now: () => number;
  private readonly later: Later;

  /** `now` and `later` are injected by tests. */
  constructor(
    api: Api,
    now = Date.now,
    later: Later = (work, milliseconds) => void setTimeout(work, milliseconds),
  ) {
    this.api = api;
    this.now = now;
    this.later = later;
  }

  onChange(listener: (ticker: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What is known so far; asks for it if it is missing or old. */
  get(ticker: string): Day | undefined {
    this.want(ticker, true);
    return this.days.get(ticker);
  }

  /** What is known so far, without asking. */
  known(ticker: string): Day | undefined {
    return this.days.get(ticker);
  }

  /** Asks for those that are not known, after those looked at. */
  fill(tickers: readonly string[]): void {
    for (const ticker of tickers) this.want(ticker, false);
  }

  /** What was loaded before may lack prices. */
  reload(): void {
    this.tried.clear();
  }

  clear(): void {
    ++this.session;
    this.days.clear();
    this.tried.clear();
    this.first.clear();
    this.others.clear();
  }

  private want(ticker: string, first: boolean): void {
    const tried = this.tried.get(ticker);
    const pause = this.days.has(ticker) ? staleAfter : retryAfter;
    if (tried !== undefined && this.now() - tried < pause) return;
    if (first) {
      this.first.delete(ticker);
      this.first.add(ticker);
    } else {
      this.others.add(ticker);
    }
    this.loadNext();
  }

  private next(): string | undefined {
    const ticker = [...this.first].at(-1) ?? this.others.values().next().value;
    if (ticker === undefined) return undefined;
    this.first.delete(ticker);
    this.others.delete(ticker);
    return ticker;
  }

  private loadNext(): void {
    while (this.inFlight < atOnce && this.tokens > 0) {
      const ticker = this.next();
      if (ticker === undefined) break;
      --this.tokens;
      ++this.inFlight;
      void this.load(ticker).finally(() => {
        --this.inFlight;
        this.loadNext();
      });
    }
    this.refill();
  }

  private refill(): void {
    if (this.refilling || this.tokens === mostTokens) return;
    this.refilling = true;
    this.later(() => {
      this.refilling = false;
      ++this.tokens;
      this.loadNext();
    }, tokenEvery);
  }

  private async load(ticker: string): Promise<void> {
    const { session } = this;
    this.tried.set(ticker, this.now());
    try {
      const path = `/api/v1/rates/${encodeURIComponent(ticker)}/history?interval=1h&limit=26`;
      const { body } = await this.api.get<HistoryAnswer>(path);
      if (session !== this.session) return;
      this.days.set(ticker, { bars: body.bars.map(drawn), loadedAt: this.now() });
      // Its history is being read from the exchanges: there will be more.
      if (body.loading === true) this.later(() => this.tried.delete(ticker), 2000);
      this.listeners.forEach((listener) => listener(ticker));
    } catch {
      // The column shows no change of it meanwhile; it is asked for again later.
    }
  }
}

export interface Change {
  percent: number;
  since: number; // seconds; later than 24 hours ago if there is no older price
  closes: { time: number; close: number }[];
}

/** The change to the present price within 24 hours; null if nothing is known of before. */
export function changeOf(day: Day | undefined, price: number, seconds: number): Change | null {
  if (day === undefined) return null;
  const begin = seconds - dayLength;
  const bars = day.bars.filter((bar) => bar.time + hour > begin);
  const first = bars[0];
  if (first === undefined) return null;
  // Of the hour that the day begins in, as much as has passed.
  const part = Math.max(0, Math.min(1, (begin - first.time) / hour));
  const base = first.open + (first.close - first.open) * part;
  if (!(base > 0)) return null;
  const since = Math.max(begin, first.time);
  const closes = bars
    .map((bar) => ({ time: Math.min(bar.time + hour, seconds), close: bar.close }))
    .filter((point) => point.time > since && point.time < seconds);
  return {
    percent: ((price - base) / base) * 100,
    since,
    closes: [{ time: since, close: base }, ...closes, { time: seconds, close: price }],
  };
}
