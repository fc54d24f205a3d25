// The chart with its head: ticker, price, intervals, zoom.
import type { DrawnBar } from '../bars.ts';
import { PriceChart, type ChartListener } from '../chart.ts';
import type { Context } from '../context.ts';
import { decimalsOf, groupDigits, percentBetween, plainDigits } from '../decimal.ts';
import { flashOf, h, setAttribute, setText, show } from '../dom.ts';
import { formatAge, formatBarTime, formatPercent, formatVolume, precisionInWords } from '../format.ts';
import { intervals, isLine, type Alert, type Interval } from '../types.ts';

const chartLimit = 500;

export interface ChartPane {
  element: HTMLElement;
  chart: PriceChart;
  render(ticker: string, watched: Alert[]): void;
  destroy(): void;
}

export function chartPane(context: Context, listener: Omit<ChartListener, 'onHover'>): ChartPane {
  const { store, session, history } = context;
  let ticker = '';
  let watched: Alert[] = [];
  const saved = session.read('interval') as Interval | null;
  let interval: Interval = saved !== null && intervals.includes(saved) ? saved : '1m';
  let hovered: DrawnBar | null = null;

  const name = h('h2', { id: 'chart-heading' }, '\u00a0');
  const price = h(
    'span',
    { class: 'big-price', title: 'In US dollars; markets in USDT and USDC are converted at their present rates' },
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
        onclick: () => zoom(by),
      },
      by < 0 ? '−' : '+',
    ),
  );
  const host = h('div', { class: 'chart', 'data-testid': 'chart' });
  const empty = h('p', { class: 'chart-empty' });
  const element = h(
    'section',
    { class: 'panel chart-panel', 'aria-label': 'Chart' },
    h(
      'div',
      { class: 'chart-head' },
      name,
      price,
      precision,
      age,
      h('div', { class: 'segmented zoom', role: 'group', 'aria-label': 'Zoom' }, ...zoomButtons),
      h('div', { class: 'segmented intervals', role: 'group', 'aria-label': 'Interval' }, ...buttons),
    ),
    note,
    readout,
    h('div', { class: 'chart-box' }, host, empty),
  );
  const chart = new PriceChart(host, {
    ...listener,
    onHover: (bar) => {
      hovered = bar;
      renderReadout();
    },
  });

  function present(): string | null {
    return store.prices.get(ticker)?.price?.price ?? null;
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

  function zoom(by: 1 | -1): void {
    chart.zoomBy(by);
    zoomButtons.forEach((button, i) => (button.disabled = !chart.canZoom(i === 0 ? -1 : 1)));
  }

  function renderReadout(): void {
    const bar =
      hovered ?? (ticker === '' ? undefined : history.get(ticker, interval, chartLimit, true).bars.at(-1));
    if (bar === undefined) {
      for (const part of [readoutTime, readoutValues, readoutChange]) setText(part, '');
      return;
    }
    const { open, high, low, close, volume } = bar;
    const presentDecimals = present()?.split('.')[1]?.length ?? 0;
    const decimals = Math.max(2, presentDecimals, ...[open, high, low, close].map(decimalsOf));
    const of = (value: number): string => groupDigits(value.toFixed(decimals));
    setText(readoutTime, formatBarTime(bar.time, interval));
    const traded = volume === undefined ? '' : `  V ${formatVolume(volume)}`;
    setText(readoutValues, `O ${of(open)}  H ${of(high)}  L ${of(low)}  C ${of(close)}${traded}`);
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
        : `${formatAge(store.now() - new Date(last.time).getTime())} ago`,
    );
    setAttribute(age, 'title', last?.time ?? null);
  }

  function render(): void {
    setText(name, ticker === '' ? '\u00a0' : ticker);
    const state = store.prices.get(ticker);
    const now = state?.price?.price ?? null;
    setText(price, now === null ? (state?.last ? groupDigits(state.last.price) : '—') : groupDigits(now));
    price.classList.toggle('stale', now === null);
    setText(precision, state?.price ? precisionInWords(state.price) : '');
    setText(note, now === null ? notWatched() : (state?.price?.note ?? ''));
    show(note, note.textContent !== '');
    flash.show(`${ticker} ${now ?? ''}`, state?.direction ?? 0);
    renderAge();
    if (ticker === '') {
      setText(empty, store.connection.live ? 'Waiting for the first prices…' : 'Waiting for the server…');
      return show(empty, true);
    }
    const series = history.get(ticker, interval, chartLimit, true);
    chart.setBars(ticker, interval, series.bars);
    chart.setPrice(now);
    chart.setAlerts(watched.filter(isLine));
    setText(
      empty,
      series.error !== ''
        ? `${series.error} Retrying automatically.`
        : !series.loaded
          ? 'Loading the chart…'
          : series.filling
            ? `Asking the exchanges for the history of ${ticker}…`
            : `No prices for ${ticker} yet. The chart starts with the first one.`,
    );
    // Live prices alone do not make a chart.
    show(empty, series.bars.length === 0 || (!series.loaded && series.error !== ''));
    renderReadout();
  }

  const clock = setInterval(renderAge, 1000);
  return {
    element,
    chart,
    render(next, alerts) {
      if (next !== ticker) hovered = null;
      ticker = next;
      watched = alerts;
      render();
    },
    destroy() {
      clearInterval(clock);
      chart.destroy();
    },
  };
}
