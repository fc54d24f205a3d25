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

/** Joins history with the live bars that arrived while it loaded: merges its last bar, and keeps later live bars. */
export function joinBars(history: DrawnBar[], live: DrawnBar[]): DrawnBar[] {
  const last = history.at(-1);
  if (last === undefined) return [...live];
  const joined = history.slice(0, -1);
  const now = live.find((bar) => bar.time === last.time);
  joined.push(
    now === undefined
      ? last
      : { ...last, high: Math.max(last.high, now.high), low: Math.min(last.low, now.low), close: now.close },
  );
  return joined.concat(live.filter((bar) => bar.time > last.time));
}
