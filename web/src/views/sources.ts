// The sources of prices: the state of each, its quotes, and why each counts or not.
import type { Context, View } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, KeyedList, onFrame, setAttribute, setText, show, timeElement, type Row } from '../dom.ts';
import { formatAge, formatTime, reasonInWords } from '../format.ts';
import type { Store } from '../store.ts';
import type { Quote, SourceState } from '../types.ts';

const words = { ok: 'OK', degraded: 'Degraded', down: 'Down' } as const;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface ShownQuote extends Quote {
  ticker: string;
  madeAt: number; // when it was made, in ms by the server's clock
  repeated: boolean; // the row above has the same ticker
}

const bySource = (a: Quote, b: Quote): number =>
  b.kind.localeCompare(a.kind) || a.source.localeCompare(b.source);

export function sourcesView(context: Context): View {
  const { store } = context;
  const cards = h('ul', { class: 'source-cards' });
  const cardList = new KeyedList<[string, SourceState]>(
    cards,
    ([name]) => name,
    ([name]) => sourceCard(name, store),
  );
  const body = h('tbody');
  const quoteList = new KeyedList<ShownQuote>(
    body,
    (q) => `${q.ticker} ${q.source}`,
    () => quoteRow(() => store.now()),
  );
  const table = h(
    'table',
    { class: 'cards', 'aria-label': 'Quotes' },
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        h('th', { scope: 'col' }, 'Ticker'),
        h('th', { scope: 'col' }, 'Source'),
        h('th', { scope: 'col', class: 'number' }, 'Price'),
        h('th', { scope: 'col', class: 'number' }, 'Age'),
        h('th', { scope: 'col' }, 'Status'),
      ),
    ),
    body,
  );
  const waiting = h('p', { class: 'waiting' });
  const empty = h(
    'div',
    { class: 'empty' },
    h('p', null, 'No quotes yet.'),
    h('p', { class: 'hint' }, 'Quotes appear here as soon as an exchange is connected.'),
  );
  const panel = h(
    'section',
    { class: 'panel table-panel', 'aria-label': 'Quotes by source' },
    table,
    empty,
  );
  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'Sources')),
    h(
      'p',
      { class: 'hint' },
      'The price is the median of the exchanges that count. Stale, implausible and disputed quotes are excluded, and marked here.',
    ),
    waiting,
    cards,
    panel,
  );

  function render(): void {
    cardList.show([...store.sources].sort(([a], [b]) => a.localeCompare(b)));
    const shown: ShownQuote[] = [];
    for (const ticker of store.prices.keys()) {
      [...(store.quotes.get(ticker) ?? [])].sort(bySource).forEach((quote, i) => {
        shown.push({ ...quote, ticker, madeAt: new Date(quote.time).getTime(), repeated: i > 0 });
      });
    }
    quoteList.show(shown);
    // Shown all at once, so that nothing shifts while it is read.
    const all = store.received.has('sources') && store.received.has('quotes');
    show(waiting, !all);
    show(cards, all);
    show(panel, all);
    show(table, shown.length > 0);
    show(empty, shown.length === 0);
    setText(waiting, store.connection.live ? 'Loading…' : 'Waiting for the server…');
  }

  const soon = onFrame(render);
  const stops = [store.on(['sources', 'quotes', 'prices', 'connection'], soon)];
  const clock = setInterval(soon, 1000);
  render();
  return {
    element,
    destroy() {
      stops.forEach((stop) => stop());
      clearInterval(clock);
    },
  };
}

/** The stream sends a source's state only when it changes; later quotes are newer than its `last_quote_at`. */
function lastQuoteAt(name: string, source: SourceState, store: Store): string | null {
  let last = source.last_quote_at ?? null;
  for (const quotes of store.quotes.values()) {
    for (const quote of quotes) {
      if (quote.source === name && (last === null || Date.parse(quote.time) > Date.parse(last)))
        last = quote.time;
    }
  }
  return last;
}

function sourceCard(name: string, store: Store): Row<[string, SourceState]> {
  const state = h('span', { class: 'badge' });
  const detail = h('p', { class: 'detail-text' });
  const last = timeElement();
  const element = h(
    'li',
    { class: 'panel', 'data-testid': 'source', 'data-source': name },
    h('div', { class: 'source-head' }, h('h2', null, name), state),
    detail,
    h('p', { class: 'muted small' }, last.element),
  );
  return {
    element,
    update([, source]) {
      setText(state, words[source.status] ?? source.status);
      setAttribute(state, 'data-state', source.status);
      setText(detail, capital(source.detail ?? (source.status === 'ok' ? 'receiving quotes' : '')));
      const at = lastQuoteAt(name, source, store);
      last.set(
        at === null
          ? 'No quote since startup'
          : `Last quote at ${formatTime(at)}, ${formatAge(store.now() - new Date(at).getTime())} ago`,
        at,
      );
    },
  };
}

function quoteRow(now: () => number): Row<ShownQuote> {
  const name = h('span');
  const ticker = h('th', { scope: 'row' }, name);
  const source = h('td', { 'data-label': 'Source' });
  const price = h('td', { class: 'number', 'data-label': 'Price' });
  const age = h('td', { class: 'number muted', 'data-label': 'Age' });
  const counts = h('td');
  const element = h('tr', { 'data-testid': 'quote-row' }, ticker, source, price, age, counts);
  return {
    element,
    update(quote) {
      setText(name, quote.ticker);
      ticker.classList.toggle('repeated', quote.repeated);
      setText(source, quote.kind === 'aggregator' ? `${quote.source} (aggregator)` : quote.source);
      setText(price, groupDigits(quote.price));
      setText(age, formatAge(now() - quote.madeAt));
      setAttribute(age, 'title', quote.time);
      setText(counts, reasonInWords(quote.reason));
      setAttribute(
        counts,
        'data-counts',
        quote.counts ? 'yes' : quote.reason === 'check_only' ? 'check' : 'no',
      );
    },
  };
}
