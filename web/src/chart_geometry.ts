// The chart's geometry, without a canvas, so that it can be tested.
import { sideOf, type Condition } from './conditions.ts';
import { comparePrices } from './decimal.ts';

export interface Range {
  min: number;
  max: number;
}

/**
 * The price range of the chart: all bars, with room to click above and below them, and those marks (alerts, the draft,
 * the current price) that are near enough not to flatten the bars.
 */
export function priceRange(low: number, high: number, marks: readonly number[]): Range {
  const middle = (low + high) / 2;
  // A flat market still gets a height: a tenth of a percent.
  const height = Math.max(high - low, Math.abs(middle) * 0.001, 1e-12);
  let min = Math.min(low, middle - height / 2);
  let max = Math.max(high, middle + height / 2);
  const reach = height * 0.75;
  for (const mark of marks) {
    if (mark >= low - reach && mark <= high + reach) {
      min = Math.min(min, mark);
      max = Math.max(max, mark);
    }
  }
  const room = (max - min) * 0.12;
  return { min: Math.max(0, min - room), max: max + room };
}

/** Pixels per bar, from zoomed out to zoomed in. */
export const zooms: readonly number[] = [2, 3, 5, 7, 10, 14];
export const firstZoom = 3;

/** How many bars fit in the width; a few bars are not spread over all of it. */
export function visibleBars(width: number, bars: number, pixels: number): number {
  const fit = Math.max(10, Math.floor(width / pixels));
  return Math.min(fit, Math.max(bars, 40));
}

/** The index of the line nearest to `y`, at most `within` away; -1 if there is none. */
export function nearestLine(lines: readonly number[], y: number, within: number): number {
  let best = -1;
  let distance = within;
  lines.forEach((line, i) => {
    const d = Math.abs(line - y);
    if (d <= distance) {
      best = i;
      distance = d;
    }
  });
  return best;
}

export interface Placed {
  y: number; // where the line is drawn, clamped to the chart
  off: -1 | 0 | 1; // beyond the top (-1) or the bottom (1)
  lane: number; // labels that would overlap get different lanes
}

/** Places lines by their `y` in a chart of this height, with labels `labelHeight` high. */
export function placeLines(ys: readonly number[], height: number, labelHeight: number): Placed[] {
  const placed = ys.map((y): Placed => {
    const half = labelHeight / 2;
    const off = y < 0 ? -1 : y > height ? 1 : 0;
    return { y: off === 0 ? y : off < 0 ? half : height - half, off, lane: 0 };
  });
  const order = placed.map((_, i) => i).sort((a, b) => placed[a]!.y - placed[b]!.y);
  const lastInLane: number[] = [];
  for (const i of order) {
    const line = placed[i]!;
    let lane = 0;
    while (lastInLane[lane] !== undefined && line.y - lastInLane[lane]! < labelHeight) ++lane;
    lastInLane[lane] = line.y;
    line.lane = lane;
  }
  return placed;
}

/** The likely condition for an alert at this price: fire when the price gets there. */
export function conditionFor(target: string, present: string | null): Condition {
  return present !== null && comparePrices(target, present) < 0 ? 'lt' : 'gt';
}

/** Whether it would fire at the current price. */
export function holdsAlready(condition: Condition, target: string, present: string | null): boolean {
  if (present === null) return false;
  const c = comparePrices(present, target);
  return sideOf(condition) === 'above' ? c > 0 : c < 0;
}
