// Searches all coins that an exchange lists: a combobox, as the ARIA Authoring Practices describe it.
import { messageOf } from './api.ts';
import type { Context } from './context.ts';
import { matching } from './column_order.ts';
import { groupDigits, shortPrice } from './decimal.ts';
import { h, KeyedList, newId, setAttribute, setText, show, type Row } from './dom.ts';
import type { FoundTicker } from './types.ts';

const most = 20;
// Milliseconds without a key before a search is sent.
const typingPause = 150;

export class TickerSearch {
  readonly element: HTMLElement;
  private readonly context: Context;
  private readonly onSelect: (ticker: string) => void;
  private readonly id = newId();
  private readonly input: HTMLInputElement;
  private readonly options: HTMLElement;
  private own: FoundTicker[] = []; // matches among the tickers on the page, known before the server answers
  private readonly list: KeyedList<FoundTicker>;
  private readonly message = h('p', { class: 'search-message', role: 'status' });
  private readonly popup: HTMLElement;
  private found: FoundTicker[] = [];
  private marked = -1;
  private isCurrent = true; // `found` belongs to the text in the field
  private searches = 0;
  private hurried = false; // Enter was pressed before the answer came
  private typing: ReturnType<typeof setTimeout> | undefined;

  constructor(context: Context, onSelect: (ticker: string) => void) {
    this.context = context;
    this.onSelect = onSelect;
    this.options = h('ul', { id: this.id, role: 'listbox', 'aria-label': 'Coins' });
    this.list = new KeyedList<FoundTicker>(
      this.options,
      (found) => found.ticker,
      (found) => this.option(found.ticker),
    );
    this.input = h('input', {
      type: 'search',
      role: 'combobox',
      placeholder: 'Find any coin',
      title: 'Press / to search',
      'aria-label': 'Find any coin',
      'aria-autocomplete': 'list',
      'aria-controls': this.id,
      'aria-expanded': 'false',
      'aria-keyshortcuts': '/',
      autocomplete: 'off',
      autocapitalize: 'characters',
      spellcheck: 'false',
      maxlength: '40',
    });
    this.popup = h('div', { class: 'search-popup' }, this.options, this.message);
    this.element = h('div', { class: 'search' }, this.input, this.popup);
    this.input.addEventListener('input', () => this.typed());
    this.input.addEventListener('keydown', (e) => this.onKey(e));
    this.input.addEventListener('focus', () => this.query() !== '' && this.open());
    this.input.addEventListener('blur', () => this.close());
    // A press on an option must not take the focus first, which would close the list.
    this.popup.addEventListener('pointerdown', (e) => e.preventDefault());
    this.close();
  }

  /** Listens for "/" anywhere on the page; returns a function that stops it. */
  listen(): () => void {
    const onKey = (e: KeyboardEvent): void => {
      const writes = (e.target as Element | null)?.closest?.('input, textarea, select, dialog') ?? null;
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || writes !== null) return;
      e.preventDefault();
      this.input.focus();
      this.input.select();
    };
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('keydown', onKey);
      this.forget();
    };
  }

  private query(): string {
    return this.input.value.trim();
  }

  private forget(): void {
    ++this.searches;
    this.hurried = false;
    clearTimeout(this.typing);
  }

  private typed(): void {
    this.forget();
    if (this.query() === '') {
      this.showFound([]);
      return this.close();
    }
    this.isCurrent = false;
    this.own = matching(this.context.store.tickers, this.query(), most).map((ticker) =>
      this.ownTicker(ticker),
    );
    if (this.own.length > 0) {
      this.showFound(this.own);
      setText(this.message, '');
      this.open();
    }
    this.typing = setTimeout(() => void this.search(), typingPause);
  }

  private ownTicker(ticker: string): FoundTicker {
    const price = this.context.store.prices.get(ticker)?.price?.price ?? null;
    return { ticker, name: null, watched: true, price, venues: [] };
  }

  /** The server's, after those that are shown already, which stay in their places. */
  private merged(sent: FoundTicker[]): FoundTicker[] {
    const own = this.own.map((mine) => sent.find(({ ticker }) => ticker === mine.ticker) ?? mine);
    const known = new Set(own.map(({ ticker }) => ticker));
    return [...own, ...sent.filter(({ ticker }) => !known.has(ticker))].slice(0, most);
  }

  private async search(): Promise<void> {
    const search = ++this.searches;
    const query = this.query();
    try {
      const path = `/api/v1/tickers?query=${encodeURIComponent(query)}&limit=${most}`;
      const { body } = await this.context.api.get<FoundTicker[]>(path);
      if (search !== this.searches) return;
      const found = this.merged(body);
      const first = found[0];
      if (this.hurried && first !== undefined) return this.choose(first.ticker);
      const marked = this.found[this.marked]?.ticker;
      this.showFound(found);
      const kept = found.findIndex(({ ticker }) => ticker === marked);
      if (kept > 0) this.mark(kept);
      setText(this.message, found.length > 0 ? '' : `No exchange lists “${query}”.`);
    } catch (error) {
      if (search !== this.searches) return;
      this.showFound(this.own);
      setText(this.message, messageOf(error));
    }
    if (document.activeElement === this.input) this.open();
  }

  private showFound(found: FoundTicker[]): void {
    this.isCurrent = true;
    this.found = found;
    this.list.show(found);
    this.mark(found.length > 0 ? 0 : -1);
    show(this.options, found.length > 0);
  }

  private option(ticker: string): Row<FoundTicker> {
    const name = h('span', { class: 'muted' });
    const where = h('span', { class: 'muted small' });
    const price = h('span', { class: 'number' });
    const titleOf = (venue: string): string => this.context.store.sources.get(venue)?.title || venue;
    const element = h(
      'li',
      { id: `${this.id}-${ticker}`, role: 'option', onclick: () => this.choose(ticker) },
      h('span', { class: 'search-ticker' }, ticker),
      name,
      price,
      where,
    );
    return {
      element,
      update(found) {
        setText(name, found.name ?? '');
        setText(price, found.price === null ? '' : groupDigits(shortPrice(found.price)));
        setText(where, listedInWords(found, titleOf));
      },
    };
  }

  private mark(index: number): void {
    this.marked = index;
    this.found.forEach(({ ticker }, i) => {
      const element = this.list.get(ticker)!.element;
      setAttribute(element, 'aria-selected', String(i === index));
      if (i === index) element.scrollIntoView({ block: 'nearest' });
    });
    const marked = this.found[index];
    setAttribute(this.input, 'aria-activedescendant', marked ? `${this.id}-${marked.ticker}` : null);
  }

  private onKey(e: KeyboardEvent): void {
    const { length } = this.found;
    if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && length > 0) {
      e.preventDefault();
      if (this.popup.hidden) return this.open();
      this.mark((this.marked + (e.key === 'ArrowDown' ? 1 : -1) + length) % length);
    } else if (e.key === 'Enter') {
      e.preventDefault();
      const marked = this.found[this.marked];
      if (this.isCurrent && marked !== undefined) this.choose(marked.ticker);
      else this.hurried = this.query() !== '';
    } else if (e.key === 'Escape' && this.input.value !== '') {
      e.preventDefault();
      this.clear();
    }
  }

  private choose(ticker: string): void {
    this.clear();
    this.onSelect(ticker);
  }

  private clear(): void {
    this.input.value = '';
    this.typed();
    setText(this.message, '');
  }

  private open(): void {
    show(this.popup, true);
    setAttribute(this.input, 'aria-expanded', 'true');
  }

  private close(): void {
    show(this.popup, false);
    setAttribute(this.input, 'aria-expanded', 'false');
  }
}

/** "Binance, Kraken and 7 more", or why it cannot be watched. */
export function listedInWords({ venues }: FoundTicker, titleOf: (venue: string) => string): string {
  const trading = venues.filter((venue) => venue.status === 'trading');
  if (venues.length === 0) return 'On this page';
  if (trading.length === 0)
    return venues.some((v) => v.status === 'halted') ? 'Halted' : 'Not listed any more';
  const names = trading.slice(0, 2).map((venue) => titleOf(venue.name));
  const more = trading.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
}
