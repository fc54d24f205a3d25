// Where things are on the chart; without a canvas, so that it can be tested.
import { sideOf, type Condition } from './conditions.ts';
import { comparePrices } from './decimal.ts';

export interface Range {
  min: number;
  max: number;
}

/**
 * The prices that the chart shows: all bars with room to click above and below them, and those marks (alerts, the
 * draft, the present price) that are not so far away that the bars would become a line.
 */
export function priceRange(low: number, high: number, marks: readonly number[]): Range {
  const middle = (low + high) / 2;
  // A market that stands still has a height all the same: a tenth of a percent.
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

/** Pixels a bar, from far away to near. */
export const zooms: readonly number[] = [2, 3, 5, 7, 10, 14];
export const firstZoom = 3;

/** How many bars fit beside each other; a few are not spread over the whole width. */
export function visibleBars(width: number, bars: number, pixels: number): number {
  const fit = Math.max(10, Math.floor(width / pixels));
  return Math.min(fit, Math.max(bars, 40));
}

/** Which of the lines is nearest to `y` and no further away than `within`; -1 where none is. */
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
  y: number; // where the line is drawn, kept inside of the chart
  off: -1 | 0 | 1; // beyond the top (-1) or the bottom (1)
  lane: number; // labels that would cover each other stand in lanes
}

/** Lines by their `y` in a chart of this height, whose labels are `labelHeight` high. */
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

/** An alert at this price is most likely meant to fire when the price gets there. */
export function conditionFor(target: string, present: string | null): Condition {
  return present !== null && comparePrices(target, present) < 0 ? 'lt' : 'gt';
}

/** Whether it would fire with the present price. */
export function holdsAlready(condition: Condition, target: string, present: string | null): boolean {
  if (present === null) return false;
  const c = comparePrices(present, target);
  return sideOf(condition) === 'above' ? c > 0 : c < 0;
}
