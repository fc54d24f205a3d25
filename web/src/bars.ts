// Bars of the chart: history, continued by live prices.
import type { Bar, Interval } from './types.ts';
import { intervalSeconds } from './types.ts';

/** A bar for drawing, for which doubles are precise enough. */
export interface DrawnBar {
  time: number; // start of the interval, in seconds
  open: number;
  high: number;
  low: number;
  close: number;
  volume?: number;
  history?: boolean;
}

export function drawn(bar: Bar): DrawnBar {
  return {
    time: Math.floor(new Date(bar.time).getTime() / 1000),
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
    ...(bar.volume === undefined ? {} : { volume: Number(bar.volume) }),
    ...(bar.history ? { history: true } : {}),
  };
}

/** What the server is asked for: it has no bars of some intervals, which are combined from shorter ones. */
export function askedFor(interval: Interval): { interval: Interval; times: number } {
  if (interval === '15m') return { interval: '5m', times: 3 };
  return interval === '4h' ? { interval: '1h', times: 4 } : { interval, times: 1 };
}

/** Combines shorter bars, oldest first, into those of a longer interval. */
export function combineBars(bars: readonly DrawnBar[], interval: Interval): DrawnBar[] {
  const combined: DrawnBar[] = [];
  for (const bar of bars) {
    const time = intervalStart(bar.time, interval);
    const last = combined.at(-1);
    if (last === undefined || last.time !== time) {
      combined.push({ ...bar, time });
      continue;
    }
    last.high = Math.max(last.high, bar.high);
    last.low = Math.min(last.low, bar.low);
    last.close = bar.close;
    if (bar.volume !== undefined) last.volume = (last.volume ?? 0) + bar.volume;
    if (bar.history) last.history = true;
  }
  return combined;
}

// Weeks begin on Monday; time began on a Thursday.
const firstMonday = 4 * 86_400;

/** The start of the interval that contains a moment; aligned to UTC, like the server's. */
export function intervalStart(seconds: number, interval: Interval): number {
  const length = intervalSeconds[interval];
  const from = interval === '1w' ? firstMonday : 0;
  return Math.floor((seconds - from) / length) * length + from;
}

/** Adds a live price to the bars, in place. A price older than the last bar changes nothing. */
export function takePrice(bars: DrawnBar[], interval: Interval, price: number, seconds: number): void {
  const time = intervalStart(seconds, interval);
  const last = bars.at(-1);
  if (last === undefined || time > last.time) {
    // The first price seen is the open; it equals the previous close only if there was no trade in between.
    bars.push({ time, open: price, high: price, low: price, close: price });
  } else if (time === last.time) {
    last.high = Math.max(last.high, price);
    last.low = Math.min(last.low, price);
    last.close = price;
  }
}

/**
 * Joins newly loaded bars with those known before: merges the last loaded one with what live prices made of it, and keeps
 * later live bars, and earlier bars if nothing is missing in between.
 */
export function joinBars(history: DrawnBar[], live: DrawnBar[]): DrawnBar[] {
  const first = history[0];
  const last = history.at(-1);
  if (first === undefined || last === undefined) return [...live];
  const overlaps = live.some((bar) => bar.time >= first.time && bar.time < last.time);
  const joined = overlaps ? live.filter((bar) => bar.time < first.time) : [];
  joined.push(...history.slice(0, -1));
  const now = live.find((bar) => bar.time === last.time);
  joined.push(
    now === undefined
      ? last
      : { ...last, high: Math.max(last.high, now.high), low: Math.min(last.low, now.low), close: now.close },
  );
  return joined.concat(live.filter((bar) => bar.time > last.time));
}
