// The chart, and beside it the prices, the form for a new alert and the active alerts.
import { AlertForm } from '../alert_form.ts';
import type { Context, View } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, onFrame, paced } from '../dom.ts';
import { alertPopover } from './alert_popover.ts';
import { chartPane } from './chart_pane.ts';
import { ownAlerts } from './own_alerts.ts';
import { marketStrip } from './market_strip.ts';
import { priceTable } from './price_table.ts';

export function marketView(context: Context): View {
  const { store, session, history } = context;
  let ticker = session.read('ticker') ?? '';

  const table = priceTable(context, select);
  const strip = marketStrip(store);
  const pane = chartPane(context, {
    onPick: (price) => form.pick(price),
    onDraftMove: (line, price) => form.moveLine(line, price),
    onClear: () => form.clear(),
    onConfirm: () => form.confirm(),
    onOpen: openAlert,
  });
  const form = new AlertForm(context, {
    onDraft: (draft) => pane.setDraft(draft),
    onTicker: select,
    step: () => pane.step(),
    bars: () => pane.bars(),
  });
  // Over the chart, so that nothing moves when it comes and goes.
  pane.element.querySelector('.chart-box')!.append(strip.element);
  const own = ownAlerts(context, openAlert);
  const element = h(
    'div',
    { class: 'market' },
    h('h1', { tabindex: '-1', class: 'visually-hidden' }, 'Market'),
    pane.element,
    form.element,
    h('div', { class: 'market-column' }, table.element, own.element),
  );

  function openAlert(id: string, beside: HTMLElement): void {
    alertPopover(context, id, beside, (alert) => form.fill(alert));
  }

  function select(next: string): void {
    if (next === ticker) return;
    ticker = next;
    session.write('ticker', ticker);
    render();
    // On a phone the chart is above the list.
    if (pane.element.getBoundingClientRect().bottom < 120) pane.element.scrollIntoView();
  }

  function render(): void {
    const { tickers } = store;
    // Before the first prices, the ticker of the last visit may not be among them yet.
    if (store.received.has('prices') && !tickers.includes(ticker)) ticker = tickers[0] ?? ticker;
    table.render(ticker);
    strip.render(ticker);
    form.setTicker(ticker);
    form.refresh();
    const watched = store.alerts.filter((a) => a.is_active && a.ticker === ticker);
    pane.render(ticker, watched);
    own.render(ticker, watched);
  }

  // The key A places an alert wherever nothing is being typed.
  function onKey(e: KeyboardEvent): void {
    if (e.key.toLowerCase() !== 'a' || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const target = e.target as HTMLElement;
    if (target.closest('input, select, textarea, dialog, [popover], [contenteditable]') !== null) return;
    e.preventDefault();
    pane.place();
  }
  document.addEventListener('keydown', onKey);

  // Prices come ten times a second; nobody reads them that fast.
  const soon = paced(render, 250);
  const stops = [
    store.on(['prices', 'blind', 'sources'], soon.ask),
    store.on(['alerts', 'connection', 'opened'], onFrame(render)),
    history.onChange((series) => series.ticker === ticker && soon.ask()),
    table.listen(),
    soon.stop,
    () => document.removeEventListener('keydown', onKey),
    () => form.destroy(),
  ];
  render();

  return {
    element,
    title() {
      const now = store.prices.get(ticker)?.price?.price;
      return now === undefined ? ticker || 'Market' : `${groupDigits(store.shown(ticker, now))} ${ticker}`;
    },
    destroy() {
      stops.forEach((stop) => stop());
      strip.stop();
      pane.destroy();
    },
  };
}
