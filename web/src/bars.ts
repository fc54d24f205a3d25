// Bars of the chart: what history told, carried on by live prices.
import type { Bar, Interval } from './types.ts';
import { intervalSeconds } from './types.ts';

/** A bar as it is drawn; doubles are fine for that. */
export interface DrawnBar {
  time: number; // seconds, where the interval begins
  open: number;
  high: number;
  low: number;
  close: number;
}

export function drawn(bar: Bar): DrawnBar {
  return {
    time: Math.floor(new Date(bar.time).getTime() / 1000),
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
  };
}

/** Where the interval that a moment is in begins; aligned to UTC, as the server's are. */
export function intervalStart(seconds: number, interval: Interval): number {
  const length = intervalSeconds[interval];
  return Math.floor(seconds / length) * length;
}

/** Takes a live price into the bars (in place). A price older than the last bar changes nothing. */
export function takePrice(bars: DrawnBar[], interval: Interval, price: number, seconds: number): void {
  const time = intervalStart(seconds, interval);
  const last = bars.at(-1);
  if (last === undefined || time > last.time) {
    // It opens where the one before closed only if no trade was between; the first price we see is the open.
    bars.push({ time, open: price, high: price, low: price, close: price });
  } else if (time === last.time) {
    last.high = Math.max(last.high, price);
    last.low = Math.min(last.low, price);
    last.close = price;
  }
}

/**
 * History that was loaded while live prices went on: the last bar of both is one, and what came after it is kept.
 */
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
