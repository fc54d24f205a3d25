// The chart: candles, volume and axes by lightweight-charts; levels of alerts are lines above them (chart_lines.ts).
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  LineSeries,
  LineStyle,
  LineType,
  PriceScaleMode,
  TickMarkType,
  type CandlestickData,
  type HistogramData,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
  type WhitespaceData,
} from 'lightweight-charts';
import { intervalStart, type DrawnBar } from './bars.ts';
import { readColors, type Colors } from './chart_colors.ts';
import { priceRange } from './chart_geometry.ts';
import { listenForPicks } from './chart_gestures.ts';
import { ChartLines, type Line, type LineListener } from './chart_lines.ts';
import { decimalsOf, groupDigits, plainDigits, snapPrice, stepOf } from './decimal.ts';
import { h, setAttribute, show } from './dom.ts';
import { formatBarTime, formatClock, formatDay, formatUtcDay, isOfUtc, momentOf } from './format.ts';
import { settings } from './settings.ts';
import type { Interval } from './types.ts';

/** What happened at a price: a firing, or one that a preview has found. */
export interface Mark {
  id: string;
  time: number; // in seconds
  price: number;
  sure: boolean;
  text: string; // why
}

/** A line that follows the market. */
export interface Course {
  id: string;
  side: 'above' | 'below' | null;
  steps: { time: number; value: number }[];
}

export interface ChartListener extends LineListener {
  /** A price was chosen for a new alert. */
  onPick(price: string): void;
  /** The bar under the pointer, and what is marked there. */
  onHover(bar: DrawnBar | null, mark: Mark | null): void;
  /** The visible range has changed. */
  onRange(): void;
}

const mostCourses = 12;
const barSpacing = { min: 1, first: 8, max: 60 };
const nearOldest = 40; // bars
const rightOffset = 6; // bars, for the next ones

const at = (seconds: number): UTCTimestamp => seconds as UTCTimestamp;

export class PriceChart {
  private readonly host: HTMLElement;
  private readonly listener: ChartListener;
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick'>;
  private readonly volume: ISeriesApi<'Histogram'>;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly courses = new Map<string, { series: ISeriesApi<'Line'>; drawn: string }>();
  private readonly lines: ChartLines;
  private readonly table: HTMLElement;
  private readonly plus: HTMLElement;
  private readonly stops: (() => void)[] = [];
  private colors: Colors;
  private ticker = '';
  private interval: Interval = '1m';
  private bars: DrawnBar[] = [];
  private drawn = { first: 0, count: 0 };
  private price: string | null = null;
  private decimals = 2;
  private marks: Mark[] = [];
  private crosshair: number | null = null; // its height, in pixels
  private placing = false;
  /** While a line is dragged: a new scale would move it away from the pointer. */
  private held = false;
  private scaledItself = true; // before it was held

  constructor(host: HTMLElement, listener: ChartListener) {
    this.host = host;
    this.listener = listener;
    this.colors = readColors();
    this.chart = createChart(host, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, fontFamily: 'system-ui, sans-serif' },
      crosshair: { mode: CrosshairMode.Normal },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.02, bottom: 0.02 }, minimumWidth: 64 },
      timeScale: {
        borderVisible: false,
        rightOffset,
        barSpacing: barSpacing.first,
        minBarSpacing: barSpacing.min,
        maxBarSpacing: barSpacing.max,
        timeVisible: true,
        secondsVisible: false,
        tickMarkFormatter: (time: Time, type: TickMarkType) => this.tickLabel(Number(time), type),
      },
      localization: {
        priceFormatter: (price: number) => this.priceText(price),
        tickmarksPriceFormatter: (prices: number[]) => this.axisLabels(prices),
        timeFormatter: (time: Time) => formatBarTime(Number(time), this.interval),
      },
      // A vertical swipe scrolls the page, as everywhere else.
      handleScroll: { vertTouchDrag: false },
      kineticScroll: { touch: !matchMedia('(prefers-reduced-motion: reduce)').matches, mouse: false },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, {
      autoscaleInfoProvider: (original: () => ReturnType<PriceChart['scaleOf']>) => this.scaleOf(original()),
    });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    this.markers = createSeriesMarkers(this.candles, []);

    const root = host.querySelector<HTMLElement>('.tv-lightweight-charts') ?? host;
    this.table = root.querySelector('table') ?? root;
    setAttribute(this.table, 'role', 'img');
    this.lines = new ChartLines(
      this.candles,
      listener,
      {
        step: () => this.step(),
        // Only what is in sight.
        size: () => ({ width: this.chart.timeScale().width(), height: this.chart.paneSize(0).height }),
        hold: (held) => this.hold(held),
      },
      this.colors,
    );
    this.candles.attachPrimitive(this.lines);
    this.plus = h(
      'button',
      { type: 'button', class: 'chart-plus', tabindex: '-1', 'aria-label': 'New alert at this price' },
      '+',
    );
    show(this.plus, false);
    this.lines.element.append(this.plus);
    root.append(this.lines.element);

    this.listen(root);
    this.paint();
    const theme = new MutationObserver(() => this.onColors());
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    this.stops.push(
      () => theme.disconnect(),
      // Another zone or number format.
      settings.onChange(() => this.chart.applyOptions({})),
    );
  }

  destroy(): void {
    this.stops.forEach((stop) => stop());
    this.chart.remove();
  }

  /** `bars` may be the same array as before, with a changed end. */
  setBars(ticker: string, interval: Interval, bars: DrawnBar[]): void {
    const other = ticker !== this.ticker || interval !== this.interval;
    const continued =
      !other && bars === this.bars && bars.length >= this.drawn.count && bars[0]?.time === this.drawn.first;
    [this.ticker, this.interval, this.bars] = [ticker, interval, bars];
    if (other) this.chart.priceScale('right').applyOptions({ autoScale: true });
    this.choosePrecision();
    if (continued) {
      for (const bar of bars.slice(Math.max(0, this.drawn.count - 1))) {
        this.candles.update(candle(bar));
        this.volume.update(this.column(bar));
      }
    } else {
      this.candles.setData(bars.map(candle));
      this.volume.setData(bars.map((bar) => this.column(bar)));
      this.drawMarks();
    }
    this.drawn = { first: bars[0]?.time ?? 0, count: bars.length };
    if (other) this.reset();
    this.describe();
  }

  setPrice(price: string | null): void {
    if (price === this.price) return;
    this.price = price;
    this.lines.setPresent(price);
    this.choosePrecision();
  }

  setLines(lines: Line[]): void {
    this.lines.setLines(lines);
  }

  setCourses(courses: Course[]): void {
    const shown = courses.slice(0, mostCourses);
    for (const [id, { series }] of this.courses) {
      if (shown.some((course) => course.id === id)) continue;
      this.chart.removeSeries(series);
      this.courses.delete(id);
    }
    for (const { id, side, steps } of shown) {
      const course = this.courses.get(id) ?? { series: this.addCourse(), drawn: '' };
      this.courses.set(id, course);
      const last = steps.at(-1);
      const now = `${side} ${steps[0]?.time} ${steps.length} ${last?.time} ${last?.value} ${this.colors.up}`;
      if (now === course.drawn) continue;
      course.drawn = now;
      course.series.applyOptions({ color: this.sideColor(side) });
      const known = steps.filter(({ value }) => Number.isFinite(value) && value > 0);
      course.series.setData(known.map(({ time, value }) => ({ time: at(time), value })));
    }
  }

  private addCourse(): ISeriesApi<'Line'> {
    return this.chart.addSeries(LineSeries, {
      lineType: LineType.WithSteps,
      lineWidth: 1,
      lineStyle: LineStyle.Dashed,
      lastValueVisible: false,
      priceLineVisible: false,
      crosshairMarkerVisible: false,
      autoscaleInfoProvider: () => null,
    });
  }

  setMarks(marks: Mark[]): void {
    if (JSON.stringify(marks) === JSON.stringify(this.marks)) return;
    this.marks = marks;
    this.drawMarks();
  }

  setLogarithmic(on: boolean): void {
    this.chart
      .priceScale('right')
      .applyOptions({ mode: on ? PriceScaleMode.Logarithmic : PriceScaleMode.Normal });
  }

  setVolume(on: boolean): void {
    this.volume.applyOptions({ visible: on });
  }

  /** While on, a click places an alert. */
  setPlacing(on: boolean): void {
    this.placing = on;
    this.host.classList.toggle('placing', on);
  }

  /** Whether the picture would change. */
  canZoom(by: 1 | -1): boolean {
    const { barSpacing: spacing } = this.chart.timeScale().options();
    return by > 0 ? spacing < barSpacing.max : spacing > barSpacing.min;
  }

  zoomBy(by: 1 | -1): void {
    const scale = this.chart.timeScale();
    const { barSpacing: spacing } = scale.options();
    const next = Math.min(barSpacing.max, Math.max(barSpacing.min, spacing * (by > 0 ? 1.4 : 1 / 1.4)));
    scale.applyOptions({ barSpacing: next });
  }

  /** Moves the chart by a share of its width; to older bars if negative. */
  moveBy(share: number): void {
    const scale = this.chart.timeScale();
    const bars = scale.width() / scale.options().barSpacing;
    scale.scrollToPosition(scale.scrollPosition() + share * bars, false);
  }

  /** Whether the oldest bars are in sight, or nearly so. */
  atOldest(): boolean {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    return range !== null && this.bars.length > 0 && range.from < nearOldest;
  }

  /** Whether the newest bar is in sight. */
  atNow(): boolean {
    return this.chart.timeScale().scrollPosition() > -1;
  }

  toNow(): void {
    this.chart.timeScale().scrollToPosition(rightOffset, false);
  }

  reset(): void {
    this.chart.priceScale('right').applyOptions({ autoScale: true });
    this.chart.timeScale().applyOptions({ barSpacing: barSpacing.first });
    this.chart.timeScale().scrollToPosition(rightOffset, false);
  }

  /** The price step of a key press: about one pixel, but no finer than prices are. */
  step(): string {
    const height = this.chart.paneSize(0).height;
    const [top, bottom] = [this.candles.coordinateToPrice(0), this.candles.coordinateToPrice(height)];
    const finest = 10 ** -this.decimals;
    if (top === null || bottom === null || height === 0)
      return this.price === null ? '1' : stepOf(Math.max(finest, Number(this.price) / 1000)).step;
    return stepOf(Math.max(finest, (top - bottom) / height)).step;
  }

  /** The price under the pointer, else the present one: where a key puts a new alert. */
  pointedPrice(): string | null {
    if (this.crosshair !== null) return this.priceAt(this.crosshair);
    return this.price === null ? null : snapPrice(Number(this.price), this.step());
  }

  /** Puts a line back that could not be moved. */
  restoreLine(key: string): void {
    this.lines.restore(key);
  }

  focusDraft(): void {
    this.lines.focusDraft();
  }

  private priceAt(y: number): string | null {
    const price = this.candles.coordinateToPrice(y);
    return price === null || !(price > 0) ? null : snapPrice(price, this.step());
  }

  private hold(held: boolean): void {
    this.held = held;
    const scale = this.chart.priceScale('right');
    if (held) this.scaledItself = scale.options().autoScale;
    scale.applyOptions({ autoScale: !held && this.scaledItself });
  }

  private listen(root: HTMLElement): void {
    this.chart.subscribeCrosshairMove(({ point, time, hoveredInfo }) => {
      const width = this.chart.timeScale().width();
      const over = point !== undefined && point.x >= 0 && point.x <= width && this.bars.length > 0;
      if (!over && this.plus.matches(':hover')) return;
      this.crosshair = over ? point.y : null;
      show(this.plus, over && !this.held);
      if (over) this.plus.style.transform = `translateY(${Math.round(point.y)}px)`;
      const bar = time === undefined ? null : (this.bars.find((each) => each.time === time) ?? null);
      const mark = this.marks.find(({ id }) => id === hoveredInfo?.objectId) ?? null;
      this.listener.onHover(over ? bar : null, over ? mark : null);
    });
    const place = ({ point }: { point?: { y: number } }): void => {
      if (this.placing && point !== undefined) this.pick(point.y);
    };
    this.chart.subscribeClick(place);
    // What the second of two quick clicks is, also where the tool was taken up between them.
    this.chart.subscribeDblClick(place);
    this.plus.addEventListener('click', () => this.crosshair !== null && this.pick(this.crosshair));
    listenForPicks(root, {
      isIn: (x, y) =>
        this.bars.length > 0 && x < this.chart.timeScale().width() && y < this.chart.paneSize(0).height,
      owns: (target) => this.lines.owns(target),
      pick: (y) => this.pick(y),
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && this.bars.length > 0) this.listener.onRange();
    });
  }

  private pick(y: number): void {
    const price = this.priceAt(y);
    if (price !== null) this.listener.onPick(price);
  }

  /** All visible bars, and those lines that are near enough not to flatten them. */
  private scaleOf<T extends { priceRange: { minValue: number; maxValue: number } | null } | null>(
    info: T,
  ): T {
    if (info === null || info.priceRange === null) return info;
    const marks = this.lines.prices();
    if (this.price !== null && this.atNow()) marks.push(Number(this.price));
    const { min, max } = priceRange(info.priceRange.minValue, info.priceRange.maxValue, marks);
    return { ...info, priceRange: { minValue: min, maxValue: max } };
  }

  private choosePrecision(): void {
    const present = this.price?.split('.')[1]?.length ?? 0;
    const last = this.bars.slice(-20).flatMap((bar) => [decimalsOf(bar.open), decimalsOf(bar.close)]);
    const decimals = Math.min(18, Math.max(2, present, ...last));
    if (decimals === this.decimals) return;
    this.decimals = decimals;
    this.candles.applyOptions({
      priceFormat: {
        type: 'custom',
        minMove: 10 ** -Math.min(12, decimals),
        formatter: (price: number) => this.priceText(price),
      },
    });
  }

  private priceText(price: number): string {
    return groupDigits(price.toFixed(this.decimals));
  }

  /** With no more decimals than tell them apart; none where a tag would cover half of it. */
  private axisLabels(prices: readonly number[]): string[] {
    const gap = prices.length < 2 ? 0 : Math.abs(prices[1]! - prices[0]!);
    const decimals =
      gap === 0 ? this.decimals : Math.min(this.decimals, Math.max(0, 1 - Math.floor(Math.log10(gap))));
    this.lines.setTicks(prices);
    const needed = Math.max(
      0,
      ...prices.map((price) => Math.min(decimals, decimalsOf(Number(price.toFixed(decimals))))),
    );
    return prices.map((price) => groupDigits(price.toFixed(needed)));
  }

  private tickLabel(seconds: number, type: TickMarkType): string {
    const date = new Date(seconds * 1000);
    if (isOfUtc(this.interval)) {
      if (type === TickMarkType.Year) return String(date.getUTCFullYear());
      return formatUtcDay(date);
    }
    // Days begin at midnight in the chosen zone, not in UTC.
    const { hour, minute } = momentOf(date);
    return hour === 0 && minute === 0 ? formatDay(date) : formatClock(date, false);
  }

  private drawMarks(): void {
    const first = this.bars[0]?.time ?? Number.POSITIVE_INFINITY;
    const times = new Set(this.bars.map((bar) => bar.time));
    const known = this.marks.filter(({ time }) => time >= first);
    const markers = known.flatMap((mark): SeriesMarker<Time>[] => {
      const time = intervalStart(mark.time, this.interval);
      if (!times.has(time)) return [];
      return [
        {
          id: mark.id,
          time: at(time),
          price: mark.price,
          position: 'atPriceMiddle',
          shape: 'circle',
          color: this.colors.accent,
          size: mark.sure ? 1 : 0.6,
        },
      ];
    });
    this.markers.setMarkers(markers.sort((a, b) => Number(a.time) - Number(b.time)));
  }

  private column(bar: DrawnBar): HistogramData<Time> | WhitespaceData<Time> {
    if (bar.volume === undefined) return { time: at(bar.time) };
    const color = `${bar.close >= bar.open ? this.colors.up : this.colors.down}55`;
    return { time: at(bar.time), value: bar.volume, color };
  }

  private describe(): void {
    const last = this.bars.at(-1);
    setAttribute(
      this.table,
      'aria-label',
      last === undefined
        ? `${this.ticker}: no prices yet`
        : `${this.ticker}, ${this.interval} bars: the last one opened at ${plainDigits(last.open)}, ` +
            `low ${plainDigits(last.low)}, high ${plainDigits(last.high)}, now at ${plainDigits(last.close)}`,
    );
  }

  private sideColor(side: 'above' | 'below' | null): string {
    return side === null ? this.colors.strong : side === 'above' ? this.colors.up : this.colors.down;
  }

  private readonly onColors = (): void => {
    this.colors = readColors();
    this.paint();
    this.volume.setData(this.bars.map((bar) => this.column(bar)));
    this.drawMarks();
  };

  private paint(): void {
    const { up, down, grid, text, strong, panel } = this.colors;
    const cross = { color: strong, labelBackgroundColor: strong };
    this.chart.applyOptions({
      layout: { background: { color: panel }, textColor: text },
      grid: { vertLines: { color: grid }, horzLines: { color: grid } },
      crosshair: { vertLine: cross, horzLine: cross },
    });
    this.candles.applyOptions({
      upColor: up,
      downColor: down,
      wickUpColor: up,
      wickDownColor: down,
      borderVisible: false,
    });
    this.lines.setColors(this.colors);
  }
}

function candle({ time, open, high, low, close }: DrawnBar): CandlestickData<Time> {
  return { time: at(time), open, high, low, close };
}
