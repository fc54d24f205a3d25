// Every ticker with its price, the last hour, the price's age, and how many of its sources count.
import type { Context } from '../context.ts';
import { groupDigits, percentBetween, plainDigits, shortPrice } from '../decimal.ts';
import { flashOf, h, KeyedList, onFrame, setAttribute, setText, show, type Row } from '../dom.ts';
import { formatAge, formatPercent, reasonInWords } from '../format.ts';
import { Spark } from '../spark.ts';
import { TickerSearch } from '../ticker_search.ts';

const sparkBars = 60;
const shown = (price: string): string => groupDigits(shortPrice(price));

export interface PriceTable {
  element: HTMLElement;
  render(selected: string): void;
  /** Returns a function that stops it. */
  listen(): () => void;
}

interface PriceRow extends Row<string> {
  age(): void;
}

export function priceTable(context: Context, onSelect: (ticker: string) => void): PriceTable {
  const { store, history } = context;
  let selected = '';
  const search = new TickerSearch(context, (ticker) => {
    store.open(ticker);
    onSelect(ticker);
  });
  const rows = new Map<string, PriceRow>();
  const body = h('tbody');
  const waiting = h('p', { class: 'waiting' }, 'Waiting for the first prices…');
  const list = new KeyedList<string>(
    body,
    (ticker) => ticker,
    (ticker) => {
      const row = priceRow(ticker);
      rows.set(ticker, row);
      return row;
    },
  );
  const element = h(
    'section',
    { class: 'panel price-panel', 'aria-label': 'Coins' },
    search.element,
    h(
      'table',
      { class: 'prices', 'aria-label': 'Prices' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          h('th', { scope: 'col' }, 'Ticker'),
          h('th', { scope: 'col' }, 'Last hour'),
          h('th', { scope: 'col', class: 'number' }, 'Price'),
          h('th', { scope: 'col', class: 'number' }, 'Age'),
          h(
            'th',
            { scope: 'col', class: 'number', title: 'Sources that count, of all' },
            h('span', { class: 'wide-only' }, 'Sources'),
            h('span', { class: 'narrow-only' }, 'Src'),
          ),
        ),
      ),
      body,
    ),
    waiting,
  );

  function priceRow(ticker: string): PriceRow {
    const button = h('button', { type: 'button', class: 'ticker', onclick: () => onSelect(ticker) }, ticker);
    const close = h(
      'button',
      { type: 'button', class: 'icon', 'aria-label': `Close ${ticker}`, onclick: () => store.close(ticker) },
      '×',
    );
    const spark = new Spark();
    const price = h('span', { class: 'price', 'data-testid': 'price' });
    const flash = flashOf(price);
    const change = h('span', { class: 'change' });
    const age = h('td', { class: 'number muted age', 'data-testid': 'age' });
    const sources = h('td', { class: 'number sources' });
    const row = h(
      'tr',
      { 'data-testid': 'price-row', 'data-ticker': ticker },
      h('th', { scope: 'row' }, button, close),
      h('td', { class: 'spark-cell' }, spark.element as unknown as HTMLElement),
      h('td', { class: 'number' }, price, change),
      age,
      sources,
    );
    // The button is for the keyboard; for a pointer the whole row is clickable.
    row.addEventListener('click', (e) => {
      if (!(e.target as Element).closest('button')) onSelect(ticker);
    });
    const showAge = (): void => {
      const last = store.prices.get(ticker)?.price ?? null;
      setText(age, last === null ? '—' : formatAge(store.now() - new Date(last.time).getTime()));
      setAttribute(age, 'title', last?.time ?? null);
    };
    return {
      element: row,
      age: showAge,
      update() {
        setAttribute(button, 'aria-pressed', String(ticker === selected));
        show(close, store.opened.has(ticker));
        const state = store.prices.get(ticker);
        const now = state?.price ?? null;
        setText(
          price,
          now !== null ? shown(now.price) : state?.last ? shown(state.last.price) : '—',
        );
        price.classList.toggle('stale', now === null);
        setAttribute(price, 'title', now === null ? 'No price right now' : groupDigits(now.price));
        flash.show(now?.price ?? '', state?.direction ?? 0);
        const { bars } = history.get(ticker, '1m', sparkBars);
        const hour = bars.slice(-sparkBars);
        spark.show(hour);
        const first = hour[0];
        const last = hour.at(-1);
        setText(
          change,
          first && last ? formatPercent(percentBetween(plainDigits(first.open), plainDigits(last.close))) : '\u00a0',
        );
        setAttribute(
          change,
          'data-direction',
          first && last ? String(Math.sign(last.close - first.open)) : '0',
        );
        const quotes = store.quotes.get(ticker) ?? [];
        const counting = quotes.filter((q) => q.counts).length;
        setText(sources, quotes.length === 0 ? '—' : `${counting}/${quotes.length}`);
        setAttribute(
          sources,
          'title',
          quotes.map((q) => `${q.source}: ${reasonInWords(q.reason)}`).join('\n') || null,
        );
        showAge();
      },
    };
  }

  const render = (): void => {
    const { tickers } = store;
    list.show(tickers);
    show(waiting, tickers.length === 0);
  };
  return {
    element,
    render(next) {
      selected = next;
      render();
    },
    listen() {
      const soon = onFrame(render);
      const stops = [
        store.on(['quotes', 'opened'], soon),
        search.listen(),
        history.onChange((series) => series.interval === '1m' && series.limit === sparkBars && soon()),
      ];
      const clock = setInterval(() => rows.forEach((row) => row.age()), 1000);
      return () => {
        stops.forEach((stop) => stop());
        clearInterval(clock);
      };
    },
  };
}
