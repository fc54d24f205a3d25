// Which tickers the market column shows, and in which order.

export type SortKey = 'listed' | 'name' | 'price' | 'change';
export interface Order {
  key: SortKey;
  down: boolean; // the highest first
}
export type Filter = 'all' | 'starred' | 'alerts';

export interface Ranked {
  ticker: string;
  starred: boolean;
  alerts: number;
  price: number | null;
  change: number | null; // in percent
}

export const listed: Order = { key: 'listed', down: false };

/** "change-down", as it is kept. */
export function orderOf(text: string | null): Order {
  const [key = '', way] = (text ?? '').split('-');
  return key === 'name' || key === 'price' || key === 'change' ? { key, down: way === 'down' } : listed;
}
export function orderText({ key, down }: Order): string {
  return key === 'listed' ? key : `${key}-${down ? 'down' : 'up'}`;
}

/** What a press on a column's heading chooses: first the way one expects, then the other, then none. */
export function nextOrder({ key, down }: Order, pressed: Exclude<SortKey, 'listed'>): Order {
  const expected = pressed !== 'name';
  if (key !== pressed) return { key: pressed, down: expected };
  return down === expected ? { key, down: !expected } : listed;
}

/** Starred ones come first; what is not known comes last, either way. */
export function ordered(tickers: readonly Ranked[], { key, down }: Order, filter: Filter): Ranked[] {
  const kept = tickers.filter(
    ({ starred, alerts }) => filter === 'all' || (filter === 'starred' ? starred : alerts > 0),
  );
  const valueOf = ({ price, change }: Ranked): number | null => (key === 'price' ? price : change);
  const compare = (a: Ranked, b: Ranked): number => {
    if (a.starred !== b.starred) return a.starred ? -1 : 1;
    if (key === 'listed') return 0;
    if (key === 'name') return (a.ticker < b.ticker ? -1 : 1) * (down ? -1 : 1);
    const [x, y] = [valueOf(a), valueOf(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return (x - y) * (down ? -1 : 1);
  };
  return kept.sort(compare);
}

/** Tickers that match what is typed: those that begin with it first. Known at once, without asking the server. */
export function matching(tickers: readonly string[], typed: string, most: number): string[] {
  const text = typed.trim().toUpperCase();
  if (text === '') return [];
  const begin = tickers.filter((ticker) => ticker.startsWith(text)).sort((a, b) => a.length - b.length);
  const contain = tickers.filter((ticker) => !ticker.startsWith(text) && ticker.includes(text));
  return [...begin, ...contain].slice(0, most);
}
