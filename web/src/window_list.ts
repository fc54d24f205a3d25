// A long table of which only the rows in sight exist: a thousand rows cost no more than thirty.
import { h, KeyedList, setAttribute, type Row } from './dom.ts';

const beyond = 6; // rows above and below what is in sight
const usualRowHeight = 46; // until there is one

/** The first row that exists, and how many do. */
export function rowsInSight(
  scrolled: number,
  height: number,
  rowHeight: number,
  count: number,
): { first: number; length: number } {
  const most = Math.ceil(height / rowHeight) + 1 + 2 * beyond;
  const first = Math.max(0, Math.min(Math.floor(scrolled / rowHeight) - beyond, count - most));
  return { first, length: Math.min(most, count - first) };
}

export class WindowList<T> {
  private items: readonly T[] = [];
  private readonly list: KeyedList<T>;
  private readonly scroller: HTMLElement;
  private readonly table: HTMLElement;
  private readonly body: HTMLElement;
  private readonly above: HTMLElement;
  private readonly keyOf: (item: T) => string;
  private readonly resize: ResizeObserver;
  // Measured when they may have changed: to read them at each render would cost a layout of the page.
  private scrolled = 0;
  private height = 0;
  private rowHeight = 0;

  /** `body` is in `table`, which is in `scroller`; all rows have the same height. */
  constructor(
    scroller: HTMLElement,
    table: HTMLElement,
    body: HTMLElement,
    keyOf: (item: T) => string,
    create: (item: T) => Row<T>,
  ) {
    this.scroller = scroller;
    this.table = table;
    this.body = body;
    this.keyOf = keyOf;
    // In place of the rows above, so that those in sight never move.
    this.above = h('td', { colspan: '5' });
    const row = h('tr', { class: 'above', 'aria-hidden': 'true' }, this.above);
    body.append(row);
    this.list = new KeyedList<T>(body, keyOf, create, row);
    scroller.addEventListener('scroll', () => this.measure(), { passive: true });
    this.resize = new ResizeObserver(() => this.measure());
    this.resize.observe(scroller);
  }

  destroy(): void {
    this.resize.disconnect();
  }

  show(items: readonly T[]): void {
    this.items = items;
    if (this.rowHeight === 0 || this.height === 0) this.measure();
    else this.render();
  }

  /** Scrolls just so far that the item is in sight; returns its row. */
  reveal(key: string): Row<T> | undefined {
    const index = this.items.findIndex((item) => this.keyOf(item) === key);
    if (index < 0) return undefined;
    this.measure();
    const rowHeight = this.rowHeight || usualRowHeight;
    const head = this.headHeight();
    const { scrollTop, clientHeight } = this.scroller;
    const top = index * rowHeight;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight - head)
      this.scroller.scrollTop = top + rowHeight - clientHeight + head;
    this.measure();
    return this.list.get(key);
  }

  private measure(): void {
    this.scrolled = this.scroller.scrollTop;
    this.height = this.scroller.clientHeight;
    this.rowHeight = (this.body.children[1] as HTMLElement | undefined)?.offsetHeight ?? 0;
    this.render();
  }
  private headHeight(): number {
    return this.table.querySelector('thead')?.offsetHeight ?? 0;
  }

  private render(): void {
    const { items } = this;
    const rowHeight = this.rowHeight || usualRowHeight;
    const { first, length } = rowsInSight(this.scrolled, this.height, rowHeight, items.length);
    const rows = items.slice(first, first + length);
    this.keepFocus(rows);
    this.list.show(rows);
    this.above.style.height = `${first * rowHeight}px`;
    this.table.style.marginBottom = `${Math.max(0, items.length - first - length) * rowHeight}px`;
    setAttribute(this.table, 'aria-rowcount', String(items.length + 1));
    rows.forEach((item, i) =>
      setAttribute(this.list.get(this.keyOf(item))!.element, 'aria-rowindex', String(first + i + 2)),
    );
  }

  /** A row that is scrolled away must not pass its focus on to its neighbour. */
  private keepFocus(rows: readonly T[]): void {
    const { activeElement } = document;
    if (!this.body.contains(activeElement)) return;
    const stays = rows.some((item) => this.list.get(this.keyOf(item))?.element.contains(activeElement));
    if (!stays) this.scroller.focus({ preventScroll: true });
  }
}
