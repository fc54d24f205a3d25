// The chart, and beside it the prices, the form for a new alert and the active alerts.
import { AlertForm, type Draft } from '../alert_form.ts';
import type { Context, View } from '../context.ts';
import { h, onFrame } from '../dom.ts';
import { chartPane } from './chart_pane.ts';
import { ownAlerts } from './own_alerts.ts';
import { priceTable } from './price_table.ts';

export function marketView(context: Context): View {
  const { store, session, history } = context;
  let ticker = session.read('ticker') ?? '';

  const table = priceTable(context, select);
  const form = new AlertForm(
    context,
    (draft: Draft | null) => pane.chart.setDraft(draft),
    () => pane.chart.step(),
  );
  const pane = chartPane(context, {
    onPick: (picked) => form.pick(picked),
    onClear: () => form.clear(),
    onConfirm: () => form.confirm(),
  });
  const own = ownAlerts(context);
  const element = h(
    'div',
    { class: 'market' },
    h('h1', { tabindex: '-1', class: 'visually-hidden' }, 'Market'),
    table.element,
    pane.element,
    h('div', { class: 'side' }, form.element, own.element),
  );

  function select(next: string): void {
    if (next === ticker) return;
    ticker = next;
    session.write('ticker', ticker);
    render();
  }

  function render(): void {
    const { tickers } = store;
    // Before the first prices, the ticker of the last visit may not be among them yet.
    if (store.received.has('prices') && !tickers.includes(ticker)) ticker = tickers[0] ?? ticker;
    table.render(ticker);
    form.setTicker(ticker);
    form.refresh();
    form.suggestUrl();
    const watched = store.alerts.filter((a) => a.is_active && a.ticker === ticker);
    pane.render(ticker, watched);
    own.render(ticker, watched);
  }

  const soon = onFrame(render);
  const stops = [
    store.on(['prices', 'alerts', 'connection', 'opened'], soon),
    history.onChange((series) => series.ticker === ticker && soon()),
    table.listen(),
  ];
  render();

  return {
    element,
    destroy() {
      stops.forEach((stop) => stop());
      pane.destroy();
    },
  };
}
