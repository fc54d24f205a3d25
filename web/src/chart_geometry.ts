// The chart's geometry, without a canvas, so that it can be tested.
import { sideOf, type Condition, type Side } from './conditions.ts';
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

export interface Placed {
  y: number; // where the line is drawn, within the chart
  off: -1 | 0 | 1; // beyond the top (-1) or the bottom (1)
  right: number; // of the label, from the chart's edge: labels do not cover each other
}

/** Places lines by their `y` in a chart of this height; their labels are `labelHeight` high and `widths` wide. */
export function placeLines(
  ys: readonly number[],
  height: number,
  labelHeight: number,
  widths: readonly number[],
): Placed[] {
  const half = labelHeight / 2;
  const placed = ys.map((y): Placed => {
    const off = y < 0 ? -1 : y > height ? 1 : 0;
    // A label at the edge is not cut in half.
    return { y: Math.min(height - half, Math.max(half, y)), off, right: 4 };
  });
  const order = placed.map((_, i) => i).sort((a, b) => placed[a]!.y - placed[b]!.y);
  const done: number[] = [];
  for (const i of order) {
    const line = placed[i]!;
    const beside = done.filter((j) => line.y - placed[j]!.y < labelHeight);
    for (;;) {
      const other = beside.find((j) => {
        const taken = placed[j]!.right;
        return line.right < taken + widths[j]! && taken < line.right + widths[i]!;
      });
      if (other === undefined) break;
      line.right = placed[other]!.right + widths[other]! + 4;
    }
    done.push(i);
  }
  return placed;
}

/** The likely condition for an alert at this price: fire when the price gets there. */
export function conditionFor(target: string, present: string | null): Condition {
  return present !== null && comparePrices(target, present) < 0 ? 'lt' : 'gt';
}

/** Whether it would fire at the current price. */
export function holdsAlready(condition: Condition, target: string, present: string | null): boolean {
  return present !== null && isBeyond(sideOf(condition), target, present);
}

/** Whether the price is on that side of a level. */
export function isBeyond(side: Side, level: string, price: string): boolean {
  const c = comparePrices(price, level);
  return side === 'above' ? c > 0 : c < 0;
}
