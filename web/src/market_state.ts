// Whether there are prices: what the header and the strip above the chart say when alerts cannot fire.
import { counted, formatTime } from './format.ts';
import type { Store } from './store.ts';
import type { SourceState } from './types.ts';

export interface MarketState {
  state: 'unknown' | 'ok' | 'partial' | 'none';
  text: string;
  missing: string[];
}

type Known = Pick<Store, 'prices' | 'tickers' | 'blind' | 'watchStates' | 'sources' | 'received'>;

/** Tickers that should have a price and have none; one that was opened a moment ago may be about to get its first. */
function withoutPrice({ prices, tickers, watchStates }: Known): string[] {
  return tickers.filter(
    (ticker) => (prices.get(ticker)?.price ?? null) === null && watchStates.get(ticker)?.state !== 'starting',
  );
}

export function marketState(store: Known): MarketState {
  if (!store.received.has('prices')) return { state: 'unknown', text: '', missing: [] };
  const missing = withoutPrice(store);
  if (missing.length === 0) return { state: 'ok', text: 'All prices', missing };
  if (missing.length === store.tickers.length) return { state: 'none', text: 'No prices', missing };
  return {
    state: 'partial',
    text: missing.length === 1 ? `No ${missing[0]}` : `${missing.length} without`,
    missing,
  };
}

/** "Binance is stale": sources by their titles, as they are called everywhere else. */
export function withTitles(text: string, sources: Known['sources']): string {
  return text.replace(/\b[a-z][a-z0-9_]*\b/g, (word) => sources.get(word)?.title || word);
}

/** Of a source: one that has failed so far, without a single quote, is down however it calls itself. */
export function healthOf({ status, state, detail = '', last_quote_at }: SourceState): SourceState['status'] {
  const hasFailed = detail.replace(state, '') !== '';
  return status === 'degraded' && last_quote_at === null && hasFailed ? 'down' : status;
}

/** "Binance, Kraken and 3 more are down"; empty if none is. */
export function downInWords(sources: Known['sources']): string {
  const used = [...sources.values()].filter((source) => source.state !== 'disabled');
  const down = used.filter((source) => healthOf(source) === 'down').map((source) => source.title);
  if (down.length === 0) return '';
  if (down.length === used.length && down.length > 1) return 'all sources are down';
  const more = down.length - 2;
  const names = more > 0 ? `${down.slice(0, 2).join(', ')} and ${more} more` : down.join(' and ');
  return `${names} ${down.length === 1 ? 'is' : 'are'} down`;
}

const waiting = (alerts: number): string =>
  alerts === 0 ? '' : ` ${counted(alerts, 'alert waits', 'alerts wait')}.`;

/** "No price of BTC since 03:31:08: Binance is stale. 3 alerts wait."; empty if all have one. */
export function strip(store: Known, ticker: string): string {
  const { state, missing } = marketState(store);
  const named = missing.includes(ticker) ? ticker : missing[0];
  if (named === undefined) return '';
  const rest = missing.length - 4;
  const names = missing.slice(0, 4).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  const alerts = missing.reduce((sum, each) => sum + (store.blind.get(each)?.alerts ?? 0), 0);
  const blind = store.blind.get(named);
  const since = blind?.since ?? store.prices.get(named)?.last?.time;
  // Of one ticker by the server's reason; what several have in common are the sources.
  const own = missing.length > 1 ? '' : withTitles((blind?.reason ?? '').replace(/\.$/, ''), store.sources);
  const reason = own || downInWords(store.sources) || withTitles(blind?.reason ?? '', store.sources);
  return (
    `No price of ${state === 'none' && missing.length > 1 ? 'any ticker' : names}` +
    `${since === undefined ? ' yet' : ` since ${formatTime(since)}`}` +
    `${reason === '' ? '' : `: ${reason}`}.${waiting(alerts)}`
  );
}
