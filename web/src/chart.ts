// The chart: candles and axes by uPlot; alerts and the draft are elements above them, so that they can take the focus.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { firstZoom, nearestLine, placeLines, priceRange, visibleBars, zooms } from './chart_geometry.ts';
import { conditionSign, conditionWord, sideOf, type Condition } from './conditions.ts';
import {
  comparePrices,
  decimalsOf,
  groupDigits,
  nudgePrice,
  plainDigits,
  snapPrice,
  stepOf,
} from './decimal.ts';
import { h, KeyedList, onFrame, setAttribute, setText, show } from './dom.ts';
import { formatClock, formatDay, formatDistance, formatUtcDay, isOfUtc } from './format.ts';
import type { DrawnBar } from './bars.ts';
import type { Interval, LineAlert } from './types.ts';
import { intervalSeconds } from './types.ts';

const labelHeight = 20;
const mostLines = 40;
const grip = 12; // pixels within which a press grabs the draft

export interface ChartListener {
  /** A price was picked; `done` when the pointer was released. */
  onPick(price: string, done: boolean): void;
  onClear(): void;
  onConfirm(): void;
  onHover(bar: DrawnBar | null): void;
}

interface Colors {
  up: string;
  down: string;
  grid: string;
  text: string;
  panel: string;
}

export class PriceChart {
  readonly host: HTMLElement;
  private readonly listener: ChartListener;
  private readonly plot: uPlot;
  private readonly lines: HTMLElement;
  private readonly lineList: KeyedList<LineAlert>;
  private readonly draftLine: HTMLElement;
  private readonly draftLabel: HTMLElement;
  private readonly cursorTag: HTMLElement;
  private readonly resize: ResizeObserver;
  private readonly scheme = matchMedia('(prefers-color-scheme: dark)');
  private colors: Colors;
  private bars: DrawnBar[] = [];
  private interval: Interval = '1m';
  private zoom = firstZoom;
  private ticker = '';
  private price: string | null = null;
  private alerts: LineAlert[] = [];
  private draft: { price: string; condition: Condition } | null = null;
  /** While the draft is dragged: a new scale would move it away from the pointer. */
  private heldRange: [number, number] | null = null;
  private readonly redraw = onFrame(() => this.draw());

  constructor(host: HTMLElement, listener: ChartListener) {
    this.host = host;
    this.listener = listener;
    this.colors = this.readColors();
    this.plot = new uPlot(this.options(), [[], [], [], [], []], host);
    setAttribute(this.plot.ctx.canvas, 'role', 'img');

    this.lines = h('div', { class: 'lines' });
    this.lineList = new KeyedList(this.lines, (a) => a.id, createLine);
    this.draftLabel = h('span', { class: 'line-label' });
    this.draftLine = h(
      'div',
      {
        class: 'line draft',
        role: 'slider',
        tabindex: '0',
        'aria-orientation': 'vertical',
        'aria-label': 'New alert line',
        'data-testid': 'draft-line',
      },
      this.draftLabel,
    );
    this.draftLine.hidden = true;
    this.cursorTag = h('div', { class: 'cursor-tag', 'aria-hidden': 'true' });
    this.cursorTag.hidden = true;
    this.plot.over.append(this.lines, this.draftLine, this.cursorTag);

    this.listenToPointer();
    this.draftLine.addEventListener('keydown', (e) => this.onKey(e));
    this.resize = new ResizeObserver(() => {
      this.plot.setSize(this.size());
      this.redraw();
    });
    this.resize.observe(host);
    this.scheme.addEventListener('change', this.onScheme);
  }

  destroy(): void {
    this.resize.disconnect();
    this.scheme.removeEventListener('change', this.onScheme);
    this.plot.destroy();
  }

  setBars(ticker: string, interval: Interval, bars: DrawnBar[]): void {
    this.ticker = ticker;
    this.interval = interval;
    this.bars = bars;
    this.redraw();
  }
  setPrice(price: string | null): void {
    this.price = price;
    this.redraw();
  }
  setAlerts(alerts: LineAlert[]): void {
    // More than a few dozen lines would hide the chart; the nearest matter most.
    const present = Number(this.price ?? alerts[0]?.target_price ?? 0);
    const distance = (a: LineAlert): number => Math.abs(Number(a.target_price) - present);
    this.alerts =
      alerts.length <= mostLines
        ? alerts
        : [...alerts].sort((a, b) => distance(a) - distance(b)).slice(0, mostLines);
    this.redraw();
  }
  setDraft(draft: { price: string; condition: Condition } | null): void {
    this.draft = draft;
    this.redraw();
  }
  /** Whether another zoom level exists in that direction. */
  canZoom(by: 1 | -1): boolean {
    return zooms[this.zoom + by] !== undefined;
  }
  zoomBy(by: 1 | -1): void {
    if (this.canZoom(by)) this.zoom += by;
    this.redraw();
  }

  /** The price step of a key press on the draft: about one pixel. */
  step(): string {
    const { min, max } = this.plot.scales['y']!;
    if (min == null || max == null) return this.price === null ? '1' : stepOf(Number(this.price) / 1000).step;
    return stepOf((max - min) / Math.max(1, this.plot.over.clientHeight)).step;
  }

  private readonly onScheme = (): void => {
    this.colors = this.readColors();
    this.plot.axes.forEach((axis) => {
      axis.stroke = () => this.colors.text;
    });
    this.redraw();
  };

  private readColors(): Colors {
    const style = getComputedStyle(document.documentElement);
    const of = (name: string): string => style.getPropertyValue(name).trim();
    return {
      up: of('--up'),
      down: of('--down'),
      grid: of('--grid'),
      text: of('--muted'),
      panel: of('--panel'),
    };
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.host.clientWidth), height: Math.max(160, this.host.clientHeight) };
  }

  private options(): uPlot.Options {
    const font = '11px system-ui, sans-serif';
    const nothing = { paths: () => null, points: { show: false } };
    const axis = { stroke: () => this.colors.text, font, ticks: { show: false } };
    const grid = { stroke: () => this.colors.grid, width: 1 };
    return {
      ...this.size(),
      // Puts the ticks of daily bars where those begin.
      tzDate: (seconds) => {
        const date = new Date(seconds * 1000);
        return isOfUtc(this.interval) ? uPlot.tzDate(date, 'Etc/UTC') : date;
      },
      legend: { show: false },
      cursor: { drag: { x: false, y: false, setScale: false }, points: { show: false } },
      padding: [4, 0, 0, 0],
      series: [{}, nothing, nothing, nothing, nothing],
      scales: {
        x: { time: true, range: () => this.timeRange() },
        y: {
          range: (_, low, high) => {
            if (this.heldRange !== null) return this.heldRange;
            if (low == null || high == null) return [null, null];
            const { min, max } = priceRange(low, high, this.marks());
            return [min, max];
          },
        },
      },
      axes: [
        {
          ...axis,
          grid,
          size: 26,
          gap: 6,
          space: 70,
          values: (_, ticks, __, ___, step) => this.timeLabels(ticks, step),
        },
        {
          ...axis,
          grid,
          side: 1,
          gap: 6,
          space: 36,
          size: (_, labels) => {
            const present = this.price === null ? 0 : groupDigits(this.price).length;
            return Math.max(62, 7 * Math.max(present, ...(labels ?? []).map((l) => l.length)) + 14);
          },
          values: (_, ticks, __, ___, step) => {
            const decimals = decimalsOf(step);
            return ticks.map((tick) => groupDigits(tick.toFixed(decimals)));
          },
        },
      ],
      hooks: {
        draw: [() => this.drawCandles(), () => this.drawPresent()],
        setCursor: [() => this.onCursor()],
      },
    };
  }

  private marks(): number[] {
    const marks = this.alerts.map((a) => Number(a.target_price));
    if (this.draft !== null) marks.push(Number(this.draft.price));
    if (this.price !== null) marks.push(Number(this.price));
    return marks;
  }

  private timeRange(): [number, number] {
    const length = intervalSeconds[this.interval];
    const last = this.bars.at(-1)?.time ?? Math.floor(Date.now() / 1000);
    const count = visibleBars(this.plot?.over.clientWidth ?? 600, this.bars.length, zooms[this.zoom]!);
    // Free space on the right for the next bars.
    const free = Math.max(2, Math.round(count * 0.06));
    return [last - (count - free) * length, last + free * length];
  }

  private timeLabels(ticks: number[], step: number): string[] {
    return ticks.map((tick) => {
      const date = new Date(tick * 1000);
      if (isOfUtc(this.interval)) return formatUtcDay(date);
      const midnight = date.getHours() === 0 && date.getMinutes() === 0;
      return step >= 86400 || midnight ? formatDay(date) : formatClock(date, false);
    });
  }

  private draw(): void {
    const bars = this.bars;
    this.plot.setData([
      bars.map((b) => b.time),
      bars.map((b) => b.open),
      bars.map((b) => b.high),
      bars.map((b) => b.low),
      bars.map((b) => b.close),
    ]);
    const last = bars.at(-1);
    this.plot.ctx.canvas.setAttribute(
      'aria-label',
      last === undefined
        ? `${this.ticker}: no prices yet`
        : `${this.ticker}, ${this.interval} bars: the last one opened at ${plainDigits(last.open)}, ` +
            `low ${plainDigits(last.low)}, high ${plainDigits(last.high)}, now at ${plainDigits(last.close)}`,
    );
    this.placeLines();
  }

  private yOf(price: number): number {
    return this.plot.valToPos(price, 'y');
  }

  private placeLines(): void {
    const height = this.plot.over.clientHeight;
    const ready = this.bars.length > 0 && height > 0;
    show(this.lines, ready);
    show(this.draftLine, ready && this.draft !== null);
    if (!ready) return;
    const ordered = [...this.alerts].sort((a, b) => comparePrices(b.target_price, a.target_price));
    this.lineList.show(ordered);
    const ys = ordered.map((a) => this.yOf(Number(a.target_price)));
    placeLines(ys, height, labelHeight).forEach((at, i) => {
      const element = this.lines.children[i] as HTMLElement;
      element.style.transform = `translateY(${Math.round(at.y)}px)`;
      element.classList.toggle('off', at.off !== 0);
      (element.firstElementChild as HTMLElement).style.right = `${4 + at.lane * 104}px`;
    });
    if (this.draft === null) return;
    const { price, condition } = this.draft;
    const y = Math.min(height, Math.max(0, this.yOf(Number(price))));
    this.draftLine.style.transform = `translateY(${Math.round(y)}px)`;
    const distance = this.price === null ? '' : ` · ${formatDistance(this.price, price)}`;
    setText(this.draftLabel, `${conditionSign(condition)} ${groupDigits(price)}${distance}`);
    setAttribute(this.draftLine, 'aria-valuenow', price);
    setAttribute(this.draftLine, 'aria-valuemin', '0');
    setAttribute(this.draftLine, 'aria-valuemax', String(this.plot.scales['y']!.max ?? Number(price)));
    setAttribute(this.draftLine, 'aria-valuetext', `${conditionWord(condition)} ${price}${distance}`);
  }

  private drawCandles(): void {
    const { ctx, bbox } = this.plot;
    const { min, max } = this.plot.scales['x']!;
    if (min == null || max == null || this.bars.length === 0) return;
    const ratio = devicePixelRatio || 1;
    const slot = (bbox.width * intervalSeconds[this.interval]) / (max - min);
    const body = Math.max(ratio, Math.min(18 * ratio, Math.floor(slot * 0.7)));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const bar of this.bars) {
      if (bar.time < min || bar.time > max) continue;
      const x = Math.round(this.plot.valToPos(bar.time, 'x', true));
      const y = (value: number): number => Math.round(this.plot.valToPos(value, 'y', true));
      const [open, close] = [y(bar.open), y(bar.close)];
      ctx.fillStyle = bar.close >= bar.open ? this.colors.up : this.colors.down;
      const wick = Math.max(1, Math.round(ratio));
      ctx.fillRect(x - Math.floor(wick / 2), y(bar.high), wick, Math.max(1, y(bar.low) - y(bar.high)));
      ctx.fillRect(
        x - Math.floor(body / 2),
        Math.min(open, close),
        body,
        Math.max(wick, Math.abs(open - close)),
      );
    }
    ctx.restore();
  }

  /** The current price: a dashed line, and a tag on the axis. */
  private drawPresent(): void {
    if (this.price === null || this.bars.length === 0) return;
    const { ctx, bbox } = this.plot;
    const ratio = devicePixelRatio || 1;
    const y = Math.round(this.plot.valToPos(Number(this.price), 'y', true));
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
    const last = this.bars.at(-1)!;
    const color = last.close >= last.open ? this.colors.up : this.colors.down;
    const right = bbox.left + bbox.width;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = Math.max(1, Math.round(ratio));
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y + 0.5);
    ctx.lineTo(right, y + 0.5);
    ctx.stroke();
    ctx.fillStyle = color;
    const half = 9 * ratio;
    ctx.fillRect(right + 1, y - half, ctx.canvas.width - right - 1, 2 * half);
    ctx.fillStyle = this.colors.panel;
    ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    ctx.fillText(groupDigits(this.price), right + 5 * ratio, y + ratio, ctx.canvas.width - right - 6 * ratio);
    ctx.restore();
  }

  private onCursor(): void {
    const { idx, top } = this.plot.cursor;
    this.listener.onHover(idx == null || (top ?? -1) < 0 ? null : (this.bars[idx] ?? null));
    const visible = top !== undefined && top >= 0 && this.bars.length > 0;
    show(this.cursorTag, visible);
    if (!visible) return;
    setText(this.cursorTag, groupDigits(this.priceAt(top)));
    this.cursorTag.style.transform = `translateY(${Math.round(top)}px)`;
  }

  private priceAt(y: number): string {
    return snapPrice(this.plot.posToVal(y, 'y'), this.step());
  }

  private listenToPointer(): void {
    const over = this.plot.over;
    const yOf = (e: PointerEvent | MouseEvent): number => e.clientY - over.getBoundingClientRect().top;
    let held: { id: number; offset: number } | null = null;
    const move = (e: PointerEvent, done: boolean): void => {
      const y = Math.min(over.clientHeight, Math.max(0, yOf(e) - (held?.offset ?? 0)));
      this.listener.onPick(this.priceAt(y), done);
    };
    const take = (e: PointerEvent): void => {
      if (this.bars.length === 0 || e.button !== 0) return;
      // Grabbing the draft off its centre must not move it.
      const y = yOf(e);
      const at = this.draft === null ? [] : [this.yOf(Number(this.draft.price))];
      const offset = nearestLine(at, y, grip) === 0 ? y - at[0]! : 0;
      held = { id: e.pointerId, offset };
      const { min, max } = this.plot.scales['y']!;
      this.heldRange = min == null || max == null ? null : [min, max];
      over.setPointerCapture(e.pointerId);
      move(e, false);
    };
    const release = (): void => {
      held = null;
      this.heldRange = null;
      this.redraw();
    };
    over.addEventListener('pointerdown', (e) => {
      // A touch on the chart may be the start of a scroll; a touch on the draft is not.
      const onDraft = this.draftLine.contains(e.target as Node);
      if (e.pointerType !== 'touch' || onDraft) take(e);
      if (onDraft) {
        this.draftLine.focus();
        e.preventDefault();
      }
    });
    over.addEventListener('pointermove', (e) => held?.id === e.pointerId && move(e, false));
    over.addEventListener('pointerup', (e) => {
      if (held?.id !== e.pointerId) return;
      move(e, true);
      release();
    });
    over.addEventListener('pointercancel', release);
    over.addEventListener('click', (e) => {
      const touch = (e as PointerEvent).pointerType === 'touch';
      if (!touch || this.bars.length === 0 || this.draftLine.contains(e.target as Node)) return;
      this.listener.onPick(this.priceAt(yOf(e)), true);
    });
  }

  private onKey(e: KeyboardEvent): void {
    if (this.draft === null) return;
    const up = e.key === 'ArrowUp' || e.key === 'ArrowRight' || e.key === 'PageUp';
    const down = e.key === 'ArrowDown' || e.key === 'ArrowLeft' || e.key === 'PageDown';
    if (up || down) {
      e.preventDefault();
      const step = this.step();
      const moved = nudgePrice(this.draft.price, step, up, e.shiftKey || e.key.startsWith('Page'));
      if (moved !== null) this.listener.onPick(moved, false);
    } else if (e.key === 'Escape') {
      this.listener.onClear();
    } else if (e.key === 'Enter') {
      e.preventDefault();
      this.listener.onConfirm();
    }
  }
}

function createLine(): { element: HTMLElement; update(alert: LineAlert): void } {
  const label = h('span', { class: 'line-label' });
  const element = h('div', { class: 'line alert', 'data-testid': 'alert-line' }, label);
  return {
    element,
    update(alert) {
      setAttribute(element, 'data-id', alert.id);
      setAttribute(element, 'data-side', sideOf(alert.condition));
      setAttribute(element, 'title', alert.note === '' ? null : alert.note);
      setText(label, `${conditionSign(alert.condition)} ${groupDigits(alert.target_price)}`);
    },
  };
}
