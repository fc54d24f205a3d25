// The last 24 hours of every ticker, in one request a minute while somebody looks.
import type { Api } from './api.ts';
import type { ChangesAnswer } from './types.ts';

interface Point {
  time: number; // in seconds
  close: number;
}

export interface Day {
  readonly open: number; // the price of 24 hours ago, or the first one known
  readonly since: number; // when it was that
  readonly ends: readonly Point[]; // of the hours since
}

const hour = 3600;
const loadEvery = 60_000;
// Of a ticker that was opened a moment ago, whose history is being read from the exchanges.
const fillingEvery = 5000;
const mostTries = 12;

export class DayStats {
  private readonly days = new Map<string, Day>();
  private readonly tries = new Map<string, number>(); // of those that are not known yet
  private readonly listeners = new Set<() => void>();
  private loading = false;
  private loadedAt = -Infinity;
  private session = 0;
  private readonly api: Api;
  private readonly now: () => number;

  /** `now` is injected by tests. */
  constructor(api: Api, now = Date.now) {
    this.api = api;
    this.now = now;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What is known so far; asks if it is missing or old. */
  get(ticker: string): Day | undefined {
    const day = this.days.get(ticker);
    const isFilling = day === undefined && (this.tries.get(ticker) ?? 0) < mostTries;
    const age = this.now() - this.loadedAt;
    if (!this.loading && age >= (isFilling ? fillingEvery : loadEvery)) void this.load();
    if (isFilling) this.tries.set(ticker, this.tries.get(ticker) ?? 0);
    return day;
  }

  /** What is known so far, without asking. */
  known(ticker: string): Day | undefined {
    return this.days.get(ticker);
  }

  /** What was loaded before may lack prices. */
  reload(): void {
    this.loadedAt = -Infinity;
  }

  clear(): void {
    ++this.session;
    this.days.clear();
    this.tries.clear();
    this.reload();
  }

  private async load(): Promise<void> {
    const { session } = this;
    this.loading = true;
    this.loadedAt = this.now();
    try {
      const { body } = await this.api.get<ChangesAnswer>('/api/v1/rates/changes?sparkline=true');
      if (session === this.session) this.take(body);
    } catch {
      // The column shows what was known meanwhile; it is asked for again later.
    }
    this.loading = false;
  }

  private take({ time, changes }: ChangesAnswer): void {
    const now = Date.parse(time) / 1000;
    for (const { ticker, open_24h, since, sparkline } of changes) {
      if (open_24h === null || since === null) continue;
      const first = now - (now % hour) - (sparkline.length - 1) * hour;
      const ends = sparkline.flatMap((close, i) =>
        close === null ? [] : [{ time: first + i * hour, close }],
      );
      this.days.set(ticker, { open: open_24h, since: Date.parse(since) / 1000, ends });
    }
    for (const [ticker, count] of this.tries) {
      if (this.days.has(ticker)) this.tries.delete(ticker);
      else this.tries.set(ticker, count + 1);
    }
    this.listeners.forEach((listener) => listener());
  }
}

export interface Change {
  percent: number;
  since: number; // seconds; later than 24 hours ago if there is no older price
  closes: Point[];
}

/** The change to the present price within 24 hours; null if nothing is known of before. */
export function changeOf(day: Day | undefined, price: number, seconds: number): Change | null {
  if (day === undefined || !(day.open > 0)) return null;
  const { open, since } = day;
  return {
    percent: ((price - open) / open) * 100,
    since,
    closes: [
      { time: since, close: open },
      ...day.ends.filter((end) => end.time > since && end.time < seconds),
      { time: seconds, close: price },
    ],
  };
}
