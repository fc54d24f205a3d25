// The chart, and beside it the prices, the form for a new alert and the active alerts.
import { AlertForm, type Draft } from '../alert_form.ts';
import { PriceChart } from '../chart.ts';
import { conditionSign, sideOf } from '../conditions.ts';
import type { Context, View } from '../context.ts';
import { decimalsOf, groupDigits, percentBetween, plainDigits } from '../decimal.ts';
import { flashOf, h, KeyedList, onFrame, setAttribute, setText, show } from '../dom.ts';
import {
  alertTitle,
  formatAge,
  formatBarTime,
  formatDistance,
  formatPercent,
  formatVolume,
  precisionInWords,
} from '../format.ts';
import type { DrawnBar } from '../bars.ts';
import { priceTable } from './price_table.ts';
import { intervals, isLine, type Alert, type Interval } from '../types.ts';

const chartLimit = 500;
const noneWatched = 'None yet. Click a price on the chart, set a webhook URL and confirm.';

export function marketView(context: Context): View {
  const { store, session, history } = context;
  let ticker = session.read('ticker') ?? '';
  const savedInterval = session.read('interval') as Interval | null;
  let interval: Interval = savedInterval !== null && intervals.includes(savedInterval) ? savedInterval : '1m';
  let hovered: DrawnBar | null = null;

  const table = priceTable(context, select);

  // The chart with its head: ticker, price and intervals.
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
  const region = h(
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

  const form = new AlertForm(
    context,
    (draft: Draft | null) => chart.setDraft(draft),
    () => chart.step(),
  );
  const chart = new PriceChart(host, {
    onPick: (picked) => form.pick(picked),
    onClear: () => form.clear(),
    onConfirm: () => form.confirm(),
    onHover: (bar) => {
      hovered = bar;
      renderReadout();
    },
  });

  const own = h('ul', { class: 'own-alerts' });
  const ownEmpty = h('p', { class: 'hint' }, noneWatched);
  const ownMore = h('p', { class: 'hint' }, h('a', { href: '#/alerts' }, 'All alerts'));
  const ownList = new KeyedList<Alert>(
    own,
    (a) => a.id,
    () => ownAlert(() => present()),
  );
  const side = h(
    'div',
    { class: 'side' },
    form.element,
    h(
      'section',
      { class: 'panel', 'aria-label': 'Active alerts' },
      h('h2', null, 'Active alerts'),
      own,
      ownEmpty,
      ownMore,
    ),
  );

  const element = h(
    'div',
    { class: 'market' },
    h('h1', { tabindex: '-1', class: 'visually-hidden' }, 'Market'),
    table.element,
    region,
    side,
  );

  function present(): string | null {
    return store.prices.get(ticker)?.price?.price ?? null;
  }

  /** Why the ticker has no price, if it is not watched. */
  function notWatched(): string {
    const state = store.watchStates.get(ticker);
    return state === undefined || state.watched ? '' : (state.reason ?? '');
  }

  function select(next: string): void {
    if (next === ticker) return;
    ticker = next;
    session.write('ticker', ticker);
    hovered = null;
    render();
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
    const { tickers } = store;
    // Before the first prices, the ticker of the last visit may not be among them yet.
    if (store.received.has('prices') && !tickers.includes(ticker)) ticker = tickers[0] ?? ticker;
    table.render(ticker);
    form.setTicker(ticker);
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
    form.refresh();
    form.suggestUrl();
    if (ticker === '') {
      setText(empty, store.connection.live ? 'Waiting for the first prices…' : 'Waiting for the server…');
      return show(empty, true);
    }
    const series = history.get(ticker, interval, chartLimit, true);
    chart.setBars(ticker, interval, series.bars);
    chart.setPrice(now);
    const watched = store.alerts.filter((a) => a.is_active && a.ticker === ticker);
    chart.setAlerts(watched.filter(isLine));
    renderOwn(watched);
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

  function renderOwn(watched: Alert[]): void {
    const now = Number(present() ?? '0');
    // Those that are no line come last.
    const distance = (a: Alert): number => (isLine(a) ? Math.abs(Number(a.target_price) - now) : Infinity);
    ownList.show([...watched].sort((a, b) => distance(a) - distance(b) || 0).slice(0, 8));
    show(ownEmpty, watched.length === 0);
    setText(ownEmpty, store.alertsLoaded ? noneWatched : 'Loading your alerts…');
    show(own, watched.length > 0);
    setText(
      ownMore.firstElementChild!,
      watched.length > 8 ? `All alerts (${watched.length} on ${ticker})` : 'All alerts',
    );
  }

  const soon = onFrame(render);
  const stops = [
    store.on(['prices', 'alerts', 'connection', 'opened'], soon),
    history.onChange((series) => series.ticker === ticker && soon()),
    table.listen(),
  ];
  const clock = setInterval(renderAge, 1000);
  render();

  return {
    element,
    destroy() {
      stops.forEach((stop) => stop());
      clearInterval(clock);
      chart.destroy();
    },
  };
}

function ownAlert(present: () => string | null): { element: HTMLElement; update(alert: Alert): void } {
  const target = h('span', { class: 'target' });
  const distance = h('span', { class: 'muted' });
  const note = h('span', { class: 'note' });
  const element = h('li', null, target, distance, note);
  return {
    element,
    update(alert) {
      const now = present();
      if (isLine(alert) && alert.says === undefined) {
        setText(target, `${conditionSign(alert.condition)} ${groupDigits(alert.target_price)}`);
      } else {
        setText(target, alertTitle(alert, groupDigits));
      }
      setAttribute(target, 'data-side', alert.condition === null ? null : sideOf(alert.condition));
      setText(distance, now === null || !isLine(alert) ? '' : formatDistance(now, alert.target_price));
      setText(note, alert.note);
    },
  };
}
