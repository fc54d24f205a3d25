// The market column: every ticker with its price, its last day, its state and its alerts.
import {
  nextOrder,
  ordered,
  orderOf,
  orderText,
  type Filter,
  type Ranked,
  type SortKey,
} from '../column_order.ts';
import type { Context } from '../context.ts';
import { changeOf } from '../day.ts';
import { groupDigits } from '../decimal.ts';
import { flashOf, h, onFrame, paced, setAttribute, setText, show, type Row } from '../dom.ts';
import { counted, formatPercent, formatTime, priceAge, reasonInWords } from '../format.ts';
import { withTitles } from '../market_state.ts';
import { Spark } from '../spark.ts';
import { TickerSearch } from '../ticker_search.ts';
import { WindowList } from '../window_list.ts';
import { segmented } from './filters.ts';

const drawGap = 250;
// Rows that change places under the eyes are hard to read.
const sortGap = 5000;

const nothing: Record<Filter, string> = {
  all: 'Waiting for the first prices…',
  starred: 'No ticker has a star yet: press ☆ beside one, and it stays on top.',
  alerts: 'No ticker has an active alert.',
};

export interface PriceTable {
  element: HTMLElement;
  render(selected: string): void;
  /** Returns a function that stops it. */
  listen(): () => void;
}

export function priceTable(context: Context, onSelect: (ticker: string) => void): PriceTable {
  const { store, days, session } = context;
  let selected = '';
  let order = orderOf(session.read('sort'));
  const stars = new Set((session.read('stars') ?? '').split(',').filter((ticker) => ticker !== ''));
  const hoverable = matchMedia('(hover: hover)').matches; // after a touch, what was touched counts as hovered
  let sorted: Ranked[] = [];
  let sortedAt = -Infinity;

  const search = new TickerSearch(context, (ticker) => {
    store.open(ticker);
    onSelect(ticker);
    list.reveal(ticker);
  });
  const filters = segmented<Filter>(
    'Tickers shown',
    [
      ['all', 'All'],
      ['starred', '★ Starred'],
      ['alerts', 'With alerts'],
    ],
    'all',
    sortNow,
  );
  filters.element.classList.add('price-filter');
  const headings = new Map<SortKey, HTMLElement>();
  const heading = (key: Exclude<SortKey, 'listed'>, text: string, title: string, type = ''): HTMLElement => {
    const button = h(
      'button',
      {
        type: 'button',
        class: 'sort',
        title,
        onclick: () => {
          order = nextOrder(order, key);
          session.write('sort', orderText(order));
          sortNow();
        },
      },
      text,
    );
    const th = h('th', { scope: 'col', class: type }, button);
    headings.set(key, th);
    return th;
  };

  const body = h('tbody');
  const table = h(
    'table',
    { class: 'prices', 'aria-label': 'Prices' },
    h(
      'thead',
      null,
      h(
        'tr',
        { 'aria-rowindex': '1' },
        h('td', { class: 'star-cell' }),
        heading('name', 'Ticker', 'Sort by ticker'),
        h('th', { scope: 'col', class: 'spark-cell' }, 'Last day'),
        heading('price', 'Price', 'Sort by price', 'number'),
        heading('change', '24 h', 'Sort by the change in the last 24 hours', 'number'),
      ),
    ),
    body,
  );
  const waiting = h('p', { class: 'waiting' });
  const scroller = h('div', { class: 'price-scroll', tabindex: '-1', onkeydown: onKey }, table, waiting);
  const list = new WindowList<Ranked>(
    scroller,
    table,
    body,
    (ranked) => ranked.ticker,
    ({ ticker }) => priceRow(ticker),
  );
  const element = h(
    'section',
    { class: 'panel price-panel', 'aria-label': 'Coins' },
    search.element,
    filters.element,
    scroller,
  );

  /** The arrow keys walk through the tickers, also through those out of sight. */
  function onKey(e: KeyboardEvent): void {
    const at = (e.target as Element).closest('tr')?.getAttribute('data-ticker') ?? null;
    const index = sorted.findIndex(({ ticker }) => ticker === at);
    const last = sorted.length - 1;
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: last }[e.key];
    if (to === undefined || index < 0) return;
    e.preventDefault();
    const next = sorted[Math.max(0, Math.min(last, to))]!.ticker;
    list.reveal(next)?.element.querySelector<HTMLElement>('.ticker')?.focus({ preventScroll: true });
  }

  function toggleStar(ticker: string): void {
    if (!stars.delete(ticker)) stars.add(ticker);
    session.write('stars', [...stars].join());
    sortNow();
  }

  function priceRow(ticker: string): Row<Ranked> {
    const star = h('button', { type: 'button', class: 'star', onclick: () => toggleStar(ticker) });
    const button = h('button', { type: 'button', class: 'ticker', onclick: () => onSelect(ticker) }, ticker);
    const close = h(
      'button',
      { type: 'button', class: 'icon', 'aria-label': `Close ${ticker}`, onclick: () => store.close(ticker) },
      '×',
    );
    const alerts = h('a', { class: 'alert-count', href: '#/alerts' });
    const state = h('span', { class: 'ticker-state', 'data-testid': 'age' });
    const spark = new Spark();
    const price = h('span', { class: 'price', 'data-testid': 'price' });
    const flash = flashOf(price);
    const change = h('td', { class: 'number', 'data-testid': 'change' });
    const row = h(
      'tr',
      { 'data-testid': 'price-row', 'data-ticker': ticker },
      h('td', { class: 'star-cell' }, star),
      h('th', { scope: 'row' }, h('div', { class: 'ticker-line' }, button, alerts, close), state),
      h('td', { class: 'spark-cell' }, spark.element as unknown as HTMLElement),
      h('td', { class: 'number' }, price, h('span', { class: 'currency' }, 'USD')),
      change,
    );
    // The button is for the keyboard; for a pointer the whole row is clickable.
    row.addEventListener('click', (e) => {
      if (!(e.target as Element).closest('button, a')) onSelect(ticker);
    });
    return {
      element: row,
      update() {
        const starred = stars.has(ticker);
        const count = store.alertsOn(ticker);
        setText(star, starred ? '★' : '☆');
        setAttribute(star, 'aria-pressed', String(starred));
        setAttribute(star, 'aria-label', `Star ${ticker}`);
        setAttribute(button, 'aria-pressed', String(ticker === selected));
        row.classList.toggle('selected', ticker === selected);
        show(close, store.opened.has(ticker));
        show(alerts, count > 0);
        setText(alerts, String(count));
        const words = counted(count, 'active alert');
        setAttribute(alerts, 'aria-label', words);
        setAttribute(alerts, 'title', words);
        showPrice(ticker, { price, flash, change, spark, state });
      },
    };
  }

  function showPrice(
    ticker: string,
    cells: {
      price: HTMLElement;
      flash: ReturnType<typeof flashOf>;
      change: HTMLElement;
      spark: Spark;
      state: HTMLElement;
    },
  ): void {
    const { price, flash, change, spark, state } = cells;
    const known = store.prices.get(ticker);
    const now = known?.price ?? null;
    const last = now ?? known?.last ?? null;
    const text = last === null ? '—' : groupDigits(store.shown(ticker, last.price));
    setText(price, text);
    price.classList.toggle('stale', now === null);
    price.classList.toggle('long', text.length > 11);
    setAttribute(price, 'title', now === null ? 'No price right now' : groupDigits(now.price));
    flash.show(now?.price ?? '', known?.direction ?? 0);
    const day = days.get(ticker);
    const moved = last === null ? null : changeOf(day, Number(last.price), store.now() / 1000);
    setText(change, moved === null ? '—' : formatPercent(moved.percent));
    const direction = moved === null ? 0 : Math.sign(moved.percent);
    setAttribute(change, 'data-direction', String(direction));
    setAttribute(
      change,
      'title',
      moved === null ? null : `Since ${formatTime(new Date(moved.since * 1000).toISOString())}`,
    );
    spark.show(moved?.closes ?? [], direction);
    showState(ticker, state);
  }

  /** Whether alerts on it can fire now, and if not, why. */
  function showState(ticker: string, state: HTMLElement): void {
    const now = store.prices.get(ticker)?.price ?? null;
    const watch = store.watchStates.get(ticker);
    const age = now === null ? 0 : store.now() - new Date(now.time).getTime();
    const quotes = store.quotes.get(ticker) ?? [];
    const why = quotes.map((q) => `${withTitles(q.source, store.sources)}: ${reasonInWords(q.reason)}`);
    if (now !== null) {
      const said = priceAge(age);
      setText(state, said);
      setAttribute(state, 'data-state', said === 'live' ? 'live' : 'old');
      setAttribute(state, 'title', [formatTime(now.time), ...why].join('\n'));
    } else {
      const starting = watch?.state === 'starting' || !store.received.has('prices');
      setText(state, starting ? 'starting' : watch?.watched === false ? 'not watched' : 'no price');
      setAttribute(state, 'data-state', starting ? 'old' : 'none');
      const reason = watch?.reason ?? withTitles(store.blind.get(ticker)?.reason ?? '', store.sources);
      setAttribute(state, 'title', [reason, ...why].filter((line) => line !== '').join('\n') || null);
    }
  }

  function rank(ticker: string): Ranked {
    const known = store.prices.get(ticker);
    const last = known?.price ?? known?.last ?? null;
    const price = last === null ? null : Number(last.price);
    const byChange = order.key === 'change' && price !== null;
    return {
      ticker,
      starred: stars.has(ticker),
      alerts: store.alertsOn(ticker),
      price,
      change: byChange ? (changeOf(days.known(ticker), price, store.now() / 1000)?.percent ?? null) : null,
    };
  }

  function sortNow(): void {
    sortedAt = -Infinity;
    render();
  }

  function render(): void {
    const { tickers } = store;
    const moving = order.key === 'price' || order.key === 'change';
    const held = moving && body.matches(hoverable ? ':hover, :has(:focus-visible)' : ':has(:focus-visible)');
    const now = performance.now();
    if (sortedAt === -Infinity || (!held && now - sortedAt > (moving ? sortGap : 0))) {
      sortedAt = now;
      sorted = ordered(tickers.map(rank), order, filters.value());
      for (const [key, th] of headings)
        setAttribute(th, 'aria-sort', key !== order.key ? null : order.down ? 'descending' : 'ascending');
    }
    list.show(sorted);
    setText(waiting, nothing[filters.value()]);
    show(waiting, sorted.length === 0);
    show(table, sorted.length > 0);
  }

  return {
    element,
    render(next) {
      if (next === selected && sortedAt !== -Infinity) return;
      selected = next;
      render();
    },
    listen() {
      const { ask: soon, stop } = paced(render, drawGap);
      const atOnce = onFrame(sortNow);
      const stops = [
        store.on(['prices', 'quotes', 'blind', 'alerts'], soon),
        store.on(['opened'], atOnce),
        search.listen(),
        days.onChange(atOnce),
      ];
      const clock = setInterval(soon, 1000);
      return () => {
        stops.forEach((stop) => stop());
        clearInterval(clock);
        stop();
        list.destroy();
      };
    },
  };
}
