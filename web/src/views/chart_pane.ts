// The chart with its head: ticker, price, intervals, tools. The chart itself is loaded when it is first shown.
import type { DrawnBar } from '../bars.ts';
import type { Mark, PriceChart } from '../chart.ts';
import type { Line } from '../chart_lines.ts';
import type { Context } from '../context.ts';
import { decimalsOf, groupDigits, percentBetween, plainDigits, stepOf } from '../decimal.ts';
import { flashOf, h, setAttribute, setText, show } from '../dom.ts';
import {
  priceAge,
  formatBarTime,
  formatPercent,
  formatTime,
  formatVolume,
  isOfUtc,
  precisionInWords,
  zoneInWords,
} from '../format.ts';
import type { Series } from '../history.ts';
import { intervals, type Alert, type Interval } from '../types.ts';
import { ChartAlerts } from './chart_alerts.ts';

const chartLimit = 500;

/** A new alert as the form has it so far. */
export interface Draft {
  lines: Line[];
  marks: Mark[]; // when it would have fired
}

export interface ChartPaneListener {
  /** A price was chosen for a new alert. */
  onPick(price: string): void;
  onDraftMove(line: Line, price: string): void;
  onClear(): void;
  onConfirm(): void;
  onOpen(alertId: string, beside: HTMLElement): void;
}

export interface ChartPane {
  element: HTMLElement;
  render(ticker: string, watched: Alert[]): void;
  setDraft(draft: Draft): void;
  /** What a key press changes the price by. */
  step(): string;
  /** The bars shown, from which the form computes levels. */
  bars(): { bars: DrawnBar[]; interval: Interval };
  /** Places a new alert where the pointer is, else at the present price. */
  place(): void;
  destroy(): void;
}

export function chartPane(context: Context, listener: ChartPaneListener): ChartPane {
  const { store, session, history } = context;
  let ticker = '';
  let watched: Alert[] = [];
  let draft: Draft = { lines: [], marks: [] };
  const saved = session.read('interval') as Interval | null;
  let interval: Interval = saved !== null && intervals.includes(saved) ? saved : '1m';
  let hovered: DrawnBar | null = null;
  let hoveredMark: Mark | null = null;
  let chart: PriceChart | null = null;
  let gone = false;
  let failed = '';
  const alerts = new ChartAlerts(context, () => render());

  const name = h('h2', { id: 'chart-heading' }, '\u00a0');
  const price = h(
    'span',
    {
      class: 'big-price',
      title: 'In US dollars; markets in USDT and USDC are converted at their present rates',
    },
    '—',
  );
  const precision = h('a', { class: 'muted precision', href: '#/sources', title: 'Its sources' });
  const flash = flashOf(price);
  const age = h('span', { class: 'muted chart-age' });
  const note = h('p', { class: 'market-note', role: 'status' });
  const readoutTime = h('span', { class: 'wide-only' });
  const readoutValues = h('span');
  const readoutChange = h('span', { class: 'wide-only' });
  const readout = h(
    'p',
    { class: 'readout', 'aria-hidden': 'true' },
    readoutTime,
    readoutValues,
    readoutChange,
  );
  const buttons = intervals.map((each) =>
    h(
      'button',
      {
        type: 'button',
        title: each === '1d' ? 'Days of UTC' : each === '1w' ? 'Weeks from Monday, UTC' : null,
        'aria-pressed': String(each === interval),
        onclick: () => selectInterval(each),
      },
      each,
    ),
  );
  const zoomButtons = ([-1, 1] as const).map((by) =>
    h(
      'button',
      {
        type: 'button',
        'aria-label': by < 0 ? 'Show more bars' : 'Show fewer bars',
        onclick: () => {
          chart?.zoomBy(by);
          renderZoom();
        },
      },
      by < 0 ? '−' : '+',
    ),
  );
  const logarithmic = toggle('Log', 'Logarithmic prices', 'chart_log', false, (on) =>
    chart?.setLogarithmic(on),
  );
  const volume = toggle('Vol', 'Volume', 'chart_volume', true, (on) => chart?.setVolume(on));
  const placing = toggle(
    'Alert',
    'While on, a click on the chart places a new alert (or press A)',
    '',
    false,
    (on) => chart?.setPlacing(on),
  );
  const now = h(
    'button',
    { type: 'button', class: 'chart-now', onclick: () => chart?.toNow() },
    'Back to now',
  );
  const zone = h('a', { class: 'chart-zone', href: '#/account', title: 'The time zone; chosen in Account' });
  // The licence of lightweight-charts asks for it.
  const credit = h(
    'a',
    {
      class: 'chart-credit',
      href: 'https://www.tradingview.com/',
      target: '_blank',
      rel: 'noopener noreferrer',
    },
    'TradingView Lightweight Charts™ © 2025 TradingView, Inc.',
  );
  const host = h('div', {
    class: 'chart',
    'data-testid': 'chart',
    role: 'group',
    tabindex: '0',
    'aria-label':
      'Chart. Arrow keys move it, plus and minus zoom, Home shows the present, A places an alert.',
    'aria-keyshortcuts': 'A',
  });
  const empty = h('p', { class: 'chart-empty' });
  show(now, false);
  const element = h(
    'section',
    { class: 'panel chart-panel', 'aria-label': 'Chart' },
    h(
      'div',
      { class: 'chart-head' },
      name,
      price,
      h('span', { class: 'muted small' }, 'USD'),
      precision,
      age,
      h(
        'div',
        { class: 'chart-tools' },
        h(
          'div',
          { class: 'segmented', role: 'group', 'aria-label': 'Tools' },
          placing.button,
          volume.button,
          logarithmic.button,
        ),
        h('div', { class: 'segmented zoom', role: 'group', 'aria-label': 'Zoom' }, ...zoomButtons),
        h('div', { class: 'segmented intervals', role: 'group', 'aria-label': 'Interval' }, ...buttons),
      ),
    ),
    note,
    readout,
    h('div', { class: 'chart-box' }, host, empty, now, credit, zone),
  );
  host.addEventListener('keydown', (e) => e.target === host && onKey(e));

  void import('../chart.ts').then(
    (loaded) => {
      if (gone) return;
      chart = new loaded.PriceChart(host, {
        onPick: (picked) => {
          placing.set(false);
          listener.onPick(picked);
        },
        onMove: (line, to, done) => void moved(line, to, done),
        onOpen: (line, beside) => line.id !== null && listener.onOpen(line.id, beside),
        onDelete: (line) => alerts.remove(line),
        onClear: () => listener.onClear(),
        onConfirm: () => listener.onConfirm(),
        onHover: (bar, mark) => {
          hovered = bar;
          hoveredMark = mark;
          renderReadout();
        },
        onRange: () => {
          renderZoom();
          extend();
        },
      });
      chart.setLogarithmic(logarithmic.on());
      chart.setVolume(volume.on());
      render();
    },
    () => {
      failed = 'The chart could not be loaded. Reload the page to try again.';
      render();
    },
  );

  /** A button that stays pressed; remembered under `key`, if there is one. */
  function toggle(
    text: string,
    title: string,
    key: 'chart_log' | 'chart_volume' | '',
    first: boolean,
    apply: (on: boolean) => void,
  ) {
    let on = key === '' ? first : (session.read(key) ?? String(first)) === 'true';
    const button = h('button', { type: 'button', title, 'aria-pressed': String(on) }, text);
    const set = (next: boolean): void => {
      if (next === on) return;
      on = next;
      setAttribute(button, 'aria-pressed', String(on));
      if (key !== '') session.write(key, String(on));
      apply(on);
    };
    button.addEventListener('click', () => set(!on));
    return { button, set, on: () => on };
  }

  async function moved(line: Line, to: string, done: boolean): Promise<void> {
    if (line.kind === 'draft') return listener.onDraftMove(line, to);
    if (done && !(await alerts.move(line, to))) chart?.restoreLine(line.key);
  }

  function onKey(e: KeyboardEvent): void {
    if (chart === null || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') chart.moveBy(e.key === 'ArrowLeft' ? -0.1 : 0.1);
    else if (e.key === 'PageUp' || e.key === 'PageDown') chart.moveBy(e.key === 'PageUp' ? -0.8 : 0.8);
    else if (e.key === '+' || e.key === '=') chart.zoomBy(1);
    else if (e.key === '-') chart.zoomBy(-1);
    else if (e.key === 'Home' || e.key === 'End') chart.toNow();
    else return;
    e.preventDefault();
  }

  function present(): string | null {
    return store.prices.get(ticker)?.price?.price ?? null;
  }

  function shownSeries(): Series | null {
    return ticker === '' ? null : history.get(ticker, interval, chartLimit, true);
  }

  /** Why the ticker has no price, if it is not watched. */
  function notWatched(): string {
    const state = store.watchStates.get(ticker);
    return state === undefined || state.watched ? '' : (state.reason ?? '');
  }

  function selectInterval(next: Interval): void {
    interval = next;
    session.write('interval', interval);
    buttons.forEach((b) => b.setAttribute('aria-pressed', String(b.textContent === interval)));
    hovered = null;
    render();
  }

  function renderZoom(): void {
    zoomButtons.forEach(
      (button, i) => (button.disabled = chart !== null && !chart.canZoom(i === 0 ? -1 : 1)),
    );
    show(now, chart !== null && !chart.atNow());
  }

  /** Loads older bars when those known come to an end; goes on as long as that is in sight. */
  function extend(): void {
    const series = shownSeries();
    if (series !== null && chart?.atOldest()) void history.extend(series);
  }

  function renderReadout(): void {
    if (hoveredMark !== null) {
      setText(readoutTime, formatTime(new Date(hoveredMark.time * 1000).toISOString()));
      setText(readoutValues, hoveredMark.text);
      return setText(readoutChange, '');
    }
    const bar = hovered ?? shownSeries()?.bars.at(-1);
    if (bar === undefined) {
      for (const part of [readoutTime, readoutValues, readoutChange]) setText(part, '');
      return;
    }
    const { open, high, low, close, volume: traded } = bar;
    const presentDecimals = present()?.split('.')[1]?.length ?? 0;
    const decimals = Math.max(2, presentDecimals, ...[open, high, low, close].map(decimalsOf));
    const of = (value: number): string => groupDigits(value.toFixed(decimals));
    setText(readoutTime, formatBarTime(bar.time, interval));
    const rest = traded === undefined ? '' : `  V ${formatVolume(traded)}`;
    setText(readoutValues, `O ${of(open)}  H ${of(high)}  L ${of(low)}  C ${of(close)}${rest}`);
    setAttribute(readout, 'title', bar.history ? "From the exchanges' own history" : null);
    setText(readoutChange, formatPercent(percentBetween(plainDigits(open), plainDigits(close))));
  }

  function renderAge(): void {
    const state = store.prices.get(ticker);
    const last = state?.price ?? null;
    setText(
      age,
      last === null
        ? state?.last
          ? 'no price right now'
          : ''
        : priceAge(store.now() - new Date(last.time).getTime()),
    );
    setAttribute(age, 'title', last?.time ?? null);
  }

  function renderHead(): void {
    setText(name, ticker === '' ? '\u00a0' : ticker);
    const state = store.prices.get(ticker);
    const shown = present();
    const told = shown ?? state?.last?.price;
    setText(price, told === undefined ? '—' : groupDigits(store.shown(ticker, told)));
    price.classList.toggle('stale', shown === null);
    setText(precision, state?.price ? precisionInWords(state.price) : '');
    setText(note, shown === null ? notWatched() : (state?.price?.note ?? ''));
    show(note, note.textContent !== '');
    flash.show(`${ticker} ${shown ?? ''}`, state?.direction ?? 0);
    setText(zone, isOfUtc(interval) ? 'UTC' : zoneInWords());
    renderAge();
  }

  function emptyText(series: Series | null): string {
    if (series === null)
      return store.connection.live ? 'Waiting for the first prices…' : 'Waiting for the server…';
    // Live prices alone do not make a chart.
    if (series.error !== '' && !series.loaded) return `${series.error} Retrying automatically.`;
    if (failed !== '') return failed;
    if (chart === null) return 'Loading the chart…';
    if (series.bars.length > 0) return '';
    if (series.error !== '') return `${series.error} Retrying automatically.`;
    if (!series.loaded) return 'Loading the chart…';
    return series.filling
      ? `Asking the exchanges for the history of ${ticker}…`
      : `No prices for ${ticker} yet. The chart starts with the first one.`;
  }

  function render(): void {
    // A frame that was asked for before may come after.
    if (gone) return;
    renderHead();
    const series = shownSeries();
    setText(empty, emptyText(series));
    show(empty, empty.textContent !== '');
    if (series === null || chart === null) return renderReadout();
    chart.setBars(ticker, interval, series.bars);
    chart.setPrice(present());
    const shown = alerts.show(watched, series.bars, interval, present());
    chart.setLines([...shown.lines, ...draft.lines]);
    chart.setCourses(shown.courses);
    chart.setMarks([...alerts.marks(ticker, series.bars[0]?.time ?? Infinity), ...draft.marks]);
    renderZoom();
    renderReadout();
    extend();
  }

  const clock = setInterval(renderAge, 1000);
  return {
    element,
    render(next, active) {
      if (next !== ticker) hovered = null;
      ticker = next;
      watched = active;
      render();
    },
    setDraft(next) {
      draft = next;
      render();
    },
    step: () => chart?.step() ?? stepOf(Number(present() ?? '1000') / 1000).step,
    bars: () => ({ bars: shownSeries()?.bars ?? [], interval }),
    place() {
      const pointed = chart?.pointedPrice() ?? null;
      if (pointed === null) return;
      listener.onPick(pointed);
      chart?.focusDraft();
    },
    destroy() {
      gone = true;
      clearInterval(clock);
      chart?.destroy();
    },
  };
}
