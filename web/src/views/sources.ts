// The sources of prices: the state of each, its quote of one ticker, and why that counts or not.
import type { Context, View } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, KeyedList, newId, paced, setAttribute, setText, show, tableHead, type Row } from '../dom.ts';
import { formatAge, formatPercent, precisionInWords, reasonInWords, stateInWords } from '../format.ts';
import { healthOf } from '../market_state.ts';
import type { Quote, SourceState } from '../types.ts';

interface ShownSource {
  name: string;
  source: SourceState;
  quote: Quote | undefined;
}

const isOff = ({ state }: SourceState): boolean => state === 'disabled';
const rank = ({ source }: ShownSource): number => (isOff(source) ? 2 : Number(source.kind === 'aggregator'));

export function sourcesView(context: Context): View {
  const { store, session } = context;
  const body = h('tbody');
  const list = new KeyedList<ShownSource>(
    body,
    (s) => s.name,
    () => sourceRow(() => store.now()),
  );
  const table = h(
    'table',
    { class: 'source-table', 'aria-label': 'Sources' },
    tableHead(
      'Source',
      'State',
      ['Price', { class: 'number' }],
      ['Spread', { class: 'number', title: 'From the price, in US dollars' }],
      ['Age', { class: 'number' }],
      'For the price',
    ),
    body,
  );
  const id = newId();
  const choice = h('select', {
    id,
    onchange: () => {
      session.write('ticker', choice.value);
      render();
    },
  });
  const options = new KeyedList<string>(
    choice,
    (ticker) => ticker,
    (ticker) => ({ element: h('option', { value: ticker }, ticker), update: () => {} }),
  );
  const price = h('strong', { class: 'big-price', 'data-testid': 'price' });
  const precision = h('span', { class: 'muted', 'data-testid': 'precision' });
  const note = h('p', { class: 'market-note', role: 'status' });
  const waiting = h('p', { class: 'waiting' });
  const panel = h('section', { class: 'panel table-panel', 'aria-label': 'Sources' }, table);
  const head = h(
    'div',
    { class: 'source-head' },
    h('label', { for: id, class: 'visually-hidden' }, 'Ticker'),
    choice,
    price,
    precision,
  );
  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'Sources')),
    h(
      'p',
      { class: 'hint' },
      'A price is in US dollars: the weighted median of the exchanges that count, those in USDT and USDC ' +
        'converted at their present rates. Old, implausible and disputed quotes are left out, and marked here.',
    ),
    waiting,
    head,
    note,
    panel,
  );

  function render(): void {
    const tickers = [...store.prices.keys()];
    options.show(tickers);
    const saved = session.read('ticker') ?? '';
    const ticker = tickers.includes(saved) ? saved : (tickers[0] ?? '');
    if (choice.value !== ticker) choice.value = ticker;

    const now = store.prices.get(ticker)?.price ?? null;
    setText(price, now === null ? 'No price right now' : `${groupDigits(now.price)} USD`);
    setText(precision, now === null ? '' : precisionInWords(now));
    setText(note, now?.note ?? '');
    const quotes = store.quotes.get(ticker) ?? [];
    const shown = [...store.sources].map(([name, source]) => ({
      name,
      source,
      quote: quotes.find((q) => q.source === name),
    }));
    list.show(shown.sort((a, b) => rank(a) - rank(b)));
    // Shown all at once, so that nothing shifts while it is read.
    const all = store.received.has('sources') && store.received.has('quotes');
    show(waiting, !all);
    show(head, all);
    show(note, all && note.textContent !== '');
    show(panel, all);
    setText(waiting, store.connection.live ? 'Loading…' : 'Waiting for the server…');
  }

  const soon = paced(render, 250);
  const stop = store.on(['sources', 'quotes', 'prices', 'connection'], soon.ask);
  const clock = setInterval(soon.ask, 1000);
  render();
  return {
    element,
    destroy() {
      stop();
      soon.stop();
      clearInterval(clock);
    },
  };
}

// Without the state that it begins with, which is shown as a badge.
const detailOf = (source: SourceState): string =>
  (source.detail ?? '').replace(source.state, '').replace(/^[:;] /, '');

function sourceRow(now: () => number): Row<ShownSource> {
  const name = h('th', { scope: 'row' });
  const badge = h('span', { class: 'badge' });
  const price = h('td', { class: 'number price-cell' });
  const spread = h('td', { class: 'number muted spread-cell' });
  const age = h('td', { class: 'number muted age-cell' });
  const counts = h('span');
  const detail = h('span', { class: 'muted small detail-text' });
  const element = h(
    'tr',
    { 'data-testid': 'source' },
    name,
    h('td', { class: 'state-cell' }, badge),
    price,
    spread,
    age,
    h('td', { class: 'why-cell' }, counts, detail),
  );
  return {
    element,
    update({ name: key, source, quote }) {
      setAttribute(element, 'data-source', key);
      setText(name, source.title);
      setText(badge, stateInWords(source.state || source.status, source.detail));
      setAttribute(badge, 'data-state', isOff(source) ? source.state : healthOf(source));
      setText(price, quote ? `${groupDigits(quote.price)} ${quote.currency}` : '—');
      setAttribute(price, 'title', quote?.dollars ? `${groupDigits(quote.dollars)} USD` : null);
      setText(spread, quote?.spread_bp == null ? '—' : formatPercent(quote.spread_bp / 100));
      setText(age, quote ? formatAge(now() - new Date(quote.time).getTime()) : '—');
      setAttribute(age, 'title', quote?.time ?? null);
      setText(counts, quote ? reasonInWords(quote.reason) : '');
      setAttribute(
        counts,
        'data-counts',
        quote === undefined ? null : quote.counts ? 'yes' : quote.reason === 'check_only' ? 'check' : 'no',
      );
      setText(detail, source.status === 'ok' && !isOff(source) ? '' : detailOf(source));
    },
  };
}
