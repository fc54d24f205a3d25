// Over the chart, when alerts cannot fire or what is shown is old: since when, why, and how many alerts wait.
import { h, setAttribute, setText, show } from '../dom.ts';
import { formatTime } from '../format.ts';
import { strip } from '../market_state.ts';
import type { Store } from '../store.ts';

// A restart of the server, or a gap of one source, takes less.
const settled = 3000;

export function marketStrip(store: Store): {
  element: HTMLElement;
  render(ticker: string): void;
  stop(): void;
} {
  const text = h('span');
  const link = h('a', { href: '#/sources' }, 'Sources');
  const element = h(
    'p',
    { class: 'market-strip', role: 'status', 'data-testid': 'market-strip' },
    text,
    link,
  );
  let ticker = '';
  let since: number | null = null; // when it began to have something to say
  let timer: ReturnType<typeof setTimeout> | undefined;

  function disconnected(): string {
    const { lostAt } = store.connection;
    if (lostAt === null) return '';
    return (
      `Not connected since ${formatTime(new Date(lostAt).toISOString())}: prices and alerts are shown as they were ` +
      'then. The server watches your alerts all the same.'
    );
  }

  function render(next: string): void {
    ticker = next;
    const lost = disconnected();
    const told = lost || strip(store, ticker);
    since = told === '' ? null : (since ?? Date.now());
    const left = since === null ? 0 : since + settled - Date.now();
    clearTimeout(timer);
    if (left > 0) timer = setTimeout(() => render(ticker), left);
    setText(text, left > 0 ? '' : told);
    setAttribute(element, 'data-state', lost === '' ? 'market' : 'connection');
    show(link, lost === '');
    show(element, told !== '' && left <= 0);
  }

  show(element, false);
  return { element, render, stop: () => clearTimeout(timer) };
}
