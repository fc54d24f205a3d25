// Levels above the chart: strokes and bands on its canvas, and for each an element that can be focused, dragged and
// pressed. They are placed whenever the chart paints, so they follow every movement of it.
import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
} from 'lightweight-charts';
import type { Colors } from './chart_colors.ts';
import { placeLines } from './chart_geometry.ts';
import { sideSign, type Side } from './conditions.ts';
import { comparePrices, groupDigits, nudgePrice, snapPrice } from './decimal.ts';
import { h, KeyedList, setAttribute, setText, type Row } from './dom.ts';
import { formatDistance } from './format.ts';

export interface Line {
  key: string;
  kind: 'alert' | 'draft';
  id: string | null; // of its alert
  price: string;
  side: Side | null;
  name: string; // for screen readers
  title: string;
  /** It can be dragged; else it follows the market. */
  movable: boolean;
  dimmed: boolean; // paused or snoozed
  /** The other bound of its channel. */
  other: string | null;
}

export interface LineListener {
  /** A line was moved; `done`: it was let go. */
  onMove(line: Line, price: string, done: boolean): void;
  /** An alert's line was pressed. */
  onOpen(line: Line, element: HTMLElement): void;
  onDelete(line: Line): void;
  /** Escape and Enter on the draft. */
  onClear(): void;
  onConfirm(): void;
}

interface Chart {
  step(): string;
  size(): { width: number; height: number };
  /** While a line is dragged. */
  hold(held: boolean): void;
}

type Target = Parameters<IPrimitivePaneRenderer['draw']>[0];

const labelHeight = 20;
const mostLines = 40;
const tickHeight = 13;
const tickReach = 16; // of the present price's tag
const threshold = 3; // pixels by which a press becomes a drag
const settle = 900; // after the last arrow key

interface LineRow extends Row<Line> {
  place(y: number, right: number, off: number): void;
}

export class ChartLines implements ISeriesPrimitive<Time> {
  readonly element = h('div', { class: 'lines' });
  private readonly series: ISeriesApi<'Candlestick'>;
  private readonly listener: LineListener;
  private readonly chart: Chart;
  private readonly rows = new Map<string, LineRow>();
  private readonly list: KeyedList<Line>;
  private lines: Line[] = [];
  private present: string | null = null;
  private ticks: readonly number[] = []; // prices that the axis labels
  /** Prices of lines that are being moved, until their alerts have changed. */
  private readonly moved = new Map<string, { from: string; to: string }>();
  private colors: Colors;
  private request: () => void = () => {};
  private readonly views: IPrimitivePaneView[];

  constructor(series: ISeriesApi<'Candlestick'>, listener: LineListener, chart: Chart, colors: Colors) {
    this.series = series;
    this.listener = listener;
    this.chart = chart;
    this.colors = colors;
    this.list = new KeyedList<Line>(
      this.element,
      (line) => `${line.key} ${line.movable}`,
      (line) => {
        const row = this.createRow(line);
        this.rows.set(line.key, row);
        return row;
      },
    );
    this.views = [
      { zOrder: () => 'bottom', renderer: () => ({ draw: (target) => this.drawBands(target) }) },
      { zOrder: () => 'normal', renderer: () => ({ draw: (target) => this.drawLines(target) }) },
    ];
  }

  attached({ requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.request = requestUpdate;
  }
  /** Blanks those labels of the axis that the tag of the present price would cut in half. */
  priceAxisPaneViews(): readonly IPrimitivePaneView[] {
    return [{ zOrder: () => 'normal', renderer: () => ({ draw: (target) => this.blankTicks(target) }) }];
  }
  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  setColors(colors: Colors): void {
    this.colors = colors;
    this.request();
  }
  setTicks(prices: readonly number[]): void {
    this.ticks = prices;
  }
  setPresent(present: string | null): void {
    this.present = present;
    this.update();
  }
  setLines(lines: Line[]): void {
    // More than a few dozen would hide the chart; the nearest matter most.
    const present = Number(this.present ?? lines[0]?.price ?? 0);
    const distance = ({ kind, price }: Line): number =>
      kind === 'draft' ? 0 : Math.abs(Number(price) - present);
    const shown =
      lines.length <= mostLines
        ? lines
        : [...lines].sort((a, b) => distance(a) - distance(b)).slice(0, mostLines);
    this.lines = [...shown].sort((a, b) => comparePrices(b.price, a.price));
    for (const [key, { from }] of this.moved)
      if (this.lines.find((line) => line.key === key)?.price !== from) this.moved.delete(key);
    this.update();
  }

  prices(): number[] {
    return this.lines.map((line) => Number(this.priceOf(line)));
  }

  /** Takes back a move that the server has refused. */
  restore(key: string): void {
    this.moved.delete(key);
    this.update();
  }

  owns(target: EventTarget | null): boolean {
    return target instanceof Node && target !== this.element && this.element.contains(target);
  }

  focusDraft(): void {
    this.element.querySelector<HTMLElement>('.draft')?.focus();
  }

  private priceOf(line: Line): string {
    return this.moved.get(line.key)?.to ?? line.price;
  }

  private update(): void {
    this.list.show(this.lines);
    const keys = new Set(this.lines.map((line) => line.key));
    for (const key of this.rows.keys()) if (!keys.has(key)) this.rows.delete(key);
    this.request();
  }

  private yOf(price: string): number | null {
    return this.series.priceToCoordinate(Number(price));
  }

  private colorOf({ kind, side }: Line): string {
    if (kind === 'draft') return this.colors.accent;
    return side === null ? this.colors.strong : side === 'above' ? this.colors.up : this.colors.down;
  }

  private drawBands(target: Target): void {
    target.useBitmapCoordinateSpace(({ context, bitmapSize, verticalPixelRatio: ratio }) => {
      for (const line of this.lines) {
        // Each channel once, by its upper bound.
        if (line.other === null || comparePrices(line.price, line.other) < 0) continue;
        const [top, bottom] = [this.yOf(this.priceOf(line)), this.yOf(line.other)];
        if (top === null || bottom === null) continue;
        context.fillStyle = `${this.colorOf({ ...line, side: null })}1f`;
        context.fillRect(0, top * ratio, bitmapSize.width, (bottom - top) * ratio);
      }
    });
  }

  private drawLines(target: Target): void {
    const { width, height } = this.chart.size();
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
    const ys = this.lines.map((line) => this.yOf(this.priceOf(line)) ?? -1);
    const widths = this.lines.map((line) => 20 + 6.6 * this.label(line).length);
    const placed = placeLines(ys, height, labelHeight, widths);
    this.lines.forEach((line, i) => {
      const { y, off, right } = placed[i]!;
      this.rows.get(line.key)?.place(y, right, off);
    });
    target.useBitmapCoordinateSpace(({ context, bitmapSize, verticalPixelRatio: ratio }) => {
      this.lines.forEach((line, i) => {
        if (placed[i]!.off !== 0) return;
        const thickness = Math.max(1, Math.round((line.kind === 'draft' ? 2 : 1) * ratio));
        const y = Math.round(ys[i]! * ratio) + (thickness % 2) / 2;
        context.beginPath();
        context.strokeStyle = this.colorOf(line);
        context.globalAlpha = line.dimmed ? 0.5 : 1;
        context.lineWidth = thickness;
        context.setLineDash(
          line.kind === 'draft' ? [] : line.movable ? [6 * ratio, 3 * ratio] : [2 * ratio, 3 * ratio],
        );
        context.moveTo(0, y);
        context.lineTo(bitmapSize.width, y);
        context.stroke();
      });
      context.globalAlpha = 1;
      context.setLineDash([]);
    });
  }

  private blankTicks(target: Target): void {
    const tag = this.present === null ? null : this.yOf(this.present);
    if (tag === null) return;
    target.useBitmapCoordinateSpace(({ context, bitmapSize, verticalPixelRatio: ratio }) => {
      context.fillStyle = this.colors.panel;
      for (const price of this.ticks) {
        const y = this.series.priceToCoordinate(price);
        if (y === null || Math.abs(y - tag) > tickReach) continue;
        context.fillRect(2 * ratio, (y - tickHeight / 2) * ratio, bitmapSize.width, tickHeight * ratio);
      }
    });
  }

  private label(line: Line): string {
    const price = this.priceOf(line);
    const sign = line.side === null ? '↕' : sideSign[line.side];
    const isMoving = line.kind === 'draft' || this.moved.has(line.key);
    const distance = isMoving && this.present !== null ? ` · ${formatDistance(this.present, price)}` : '';
    return `${sign} ${groupDigits(price)}${distance}`;
  }

  private createRow(first: Line): LineRow {
    let line = first;
    const label = h('span', { class: 'line-label' });
    const element = h(
      'div',
      {
        class: `line ${line.kind} ${line.movable ? 'movable' : ''}`,
        role: line.movable ? 'slider' : 'button',
        tabindex: '0',
        'aria-orientation': line.movable ? 'vertical' : null,
        'aria-haspopup': line.kind === 'alert' ? 'dialog' : null,
        'data-testid': `${line.kind}-line`,
        'data-id': line.id,
      },
      label,
    );
    if (line.movable) this.listenToDrag(element, () => line);
    else element.addEventListener('click', () => this.listener.onOpen(line, element));
    this.listenToKeys(element, () => line);
    let [lastY, lastRight] = [Number.NaN, Number.NaN];
    return {
      element,
      update: (next) => {
        line = next;
        const price = this.priceOf(line);
        const text = this.label(line);
        setText(label, text);
        // What is seen must be in the name of a button.
        setAttribute(element, 'aria-label', line.movable ? line.name : `${text}. ${line.name}`);
        setAttribute(element, 'data-side', line.side);
        setAttribute(element, 'title', line.title === '' ? null : line.title);
        element.classList.toggle('dimmed', line.dimmed);
        if (!line.movable) return;
        const distance = this.present === null ? '' : `, ${formatDistance(this.present, price)}`;
        const word = line.side === null ? '' : `${line.side} `;
        setAttribute(element, 'aria-valuenow', price);
        setAttribute(element, 'aria-valuemin', '0');
        setAttribute(
          element,
          'aria-valuemax',
          String(Math.max(Number(price), 2 * Number(this.present ?? price))),
        );
        setAttribute(element, 'aria-valuetext', `${word}${price}${distance}`);
      },
      place: (y, right, off) => {
        element.classList.toggle('off', off !== 0);
        // There is no room for all that are beyond the edge.
        element.classList.toggle('hidden', right + 60 > this.chart.size().width);
        if (y !== lastY) element.style.transform = `translateY(${Math.round(y)}px)`;
        if (right !== lastRight && line.kind === 'alert') label.style.right = `${right}px`;
        [lastY, lastRight] = [y, right];
      },
    };
  }

  private move(line: Line, price: string, done: boolean): void {
    if (line.kind === 'alert') {
      if (price === line.price) this.moved.delete(line.key);
      else this.moved.set(line.key, { from: line.price, to: price });
      this.update();
      if (!done || price === line.price) return;
    }
    this.listener.onMove(line, price, done);
  }

  private listenToDrag(element: HTMLElement, lineOf: () => Line): void {
    let press: { id: number; from: number; offset: number; dragged: boolean } | null = null;
    let pressed = true; // and not dragged
    const top = (): number => this.element.getBoundingClientRect().top;
    const priceAt = (clientY: number): string | null => {
      const y = Math.min(this.chart.size().height, Math.max(0, clientY - top() - press!.offset));
      const price = this.series.coordinateToPrice(y);
      return price === null || !(price > 0) ? null : snapPrice(price, this.chart.step());
    };
    const end = (): void => {
      press = null;
      this.chart.hold(false);
    };
    element.addEventListener('pointerdown', (e) => {
      if (e.button !== 0 || !e.isPrimary) return;
      e.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(e.pointerId);
      // Grabbing it off its centre must not move it.
      const y = this.yOf(this.priceOf(lineOf())) ?? 0;
      const offset = Math.max(-labelHeight, Math.min(labelHeight, e.clientY - top() - y));
      press = { id: e.pointerId, from: e.clientY, offset, dragged: false };
      this.chart.hold(true);
    });
    element.addEventListener('pointermove', (e) => {
      if (press?.id !== e.pointerId) return;
      press.dragged ||= Math.abs(e.clientY - press.from) > threshold;
      const price = press.dragged ? priceAt(e.clientY) : null;
      if (price !== null) this.move(lineOf(), price, false);
    });
    element.addEventListener('pointerup', (e) => {
      if (press?.id !== e.pointerId) return;
      const price = press.dragged ? priceAt(e.clientY) : null;
      pressed = !press.dragged;
      end();
      if (price !== null) this.move(lineOf(), price, true);
    });
    // A popover that is opened by pointerup would be closed by it.
    element.addEventListener('click', () => {
      if (pressed && lineOf().kind === 'alert') this.listener.onOpen(lineOf(), element);
    });
    element.addEventListener('pointercancel', () => {
      if (press === null) return;
      end();
      this.restore(lineOf().key);
    });
  }

  private listenToKeys(element: HTMLElement, lineOf: () => Line): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const commit = (): void => {
      clearTimeout(timer);
      timer = undefined;
      const line = lineOf();
      const moved = this.moved.get(line.key);
      if (moved !== undefined) this.move(line, moved.to, true);
    };
    element.addEventListener('blur', () => timer !== undefined && commit());
    element.addEventListener('keydown', (e) => {
      const line = lineOf();
      const isDraft = line.kind === 'draft';
      const up = e.key === 'ArrowUp' || e.key === 'ArrowRight' || e.key === 'PageUp';
      const down = e.key === 'ArrowDown' || e.key === 'ArrowLeft' || e.key === 'PageDown';
      if (line.movable && (up || down)) {
        const large = e.shiftKey || e.key.startsWith('Page');
        const price = nudgePrice(this.priceOf(line), this.chart.step(), up, large);
        if (price !== null) this.move(line, price, false);
        clearTimeout(timer);
        if (!isDraft) timer = setTimeout(commit, settle);
      } else if (e.key === 'Escape') {
        clearTimeout(timer);
        timer = undefined;
        if (isDraft) this.listener.onClear();
        else this.restore(line.key);
      } else if (e.key === 'Enter' || e.key === ' ') {
        if (isDraft) this.listener.onConfirm();
        else if (timer !== undefined) commit();
        else this.listener.onOpen(line, element);
      } else if (e.key === 'Delete' && !isDraft) {
        this.listener.onDelete(line);
      } else {
        return;
      }
      e.preventDefault();
      e.stopPropagation();
    });
  }
}
