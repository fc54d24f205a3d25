// A sparkline of the last day for a table cell.
import { setAttribute, svg } from './dom.ts';

const width = 96;
const height = 26;
// A pixel of a day is a quarter of an hour.
const redrawAfter = 5000;

interface Point {
  time: number;
  close: number;
}

/** The points of a polyline through the closes, oldest first. */
export function sparkPoints(bars: readonly Point[], w = width, h = height): string {
  if (bars.length === 0) return '';
  const first = bars[0]!.time;
  const span = Math.max(1, bars.at(-1)!.time - first);
  let low = Infinity;
  let high = -Infinity;
  for (const bar of bars) {
    low = Math.min(low, bar.close);
    high = Math.max(high, bar.close);
  }
  const room = 3;
  const y = (value: number): number =>
    high === low ? h / 2 : room + ((high - value) / (high - low)) * (h - 2 * room);
  if (bars.length === 1) return `0,${h / 2} ${w},${h / 2}`;
  return bars
    .map((bar) => `${(((bar.time - first) / span) * w).toFixed(1)},${y(bar.close).toFixed(1)}`)
    .join(' ');
}

export class Spark {
  readonly element: SVGElement;
  private readonly line: SVGElement;
  private readonly area: SVGElement;
  private direction: number | null = null;
  private drawnAt = -Infinity;

  constructor() {
    this.area = svg('polygon', { class: 'spark-area', points: '' });
    this.line = svg('polyline', { class: 'spark-line', points: '', fill: 'none' });
    this.element = svg(
      'svg',
      {
        class: 'spark',
        viewBox: `0 0 ${width} ${height}`,
        width,
        height,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
      },
      this.area,
      this.line,
    );
  }

  /** In the colour of the figure beside it. */
  show(points: readonly Point[], direction: number): void {
    const now = performance.now();
    if (now - this.drawnAt < redrawAfter && this.direction === direction) return;
    this.drawnAt = now;
    this.direction = direction;
    const line = sparkPoints(points);
    setAttribute(this.line, 'points', line);
    setAttribute(this.area, 'points', line === '' ? '' : `0,${height} ${line} ${width},${height}`);
    setAttribute(this.element, 'data-direction', String(direction));
  }
}
