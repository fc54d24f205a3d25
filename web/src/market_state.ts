// Whether there are prices: what the header and the strip above the chart say when alerts cannot fire.
import { formatTime } from './format.ts';
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
  alerts === 0 ? '' : alerts === 1 ? ' 1 alert waits.' : ` ${alerts} alerts wait.`;

/** "No price of BTC since 03:31:08: Binance is stale. 3 alerts wait."; empty if it has one. */
export function strip(store: Known, ticker: string): string {
  const { state, missing } = marketState(store);
  if (state === 'unknown' || state === 'ok') return '';
  const alerts = missing.reduce((sum, each) => sum + (store.blind.get(each)?.alerts ?? 0), 0);
  const down = downInWords(store.sources);
  if (missing.length > 1 || !missing.includes(ticker)) {
    const rest = missing.length - 4;
    const names =
      state === 'none'
        ? 'any ticker'
        : missing.slice(0, 4).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
    return `No price of ${names}${down === '' ? '' : `: ${down}`}.${waiting(alerts)}`;
  }
  const blind = store.blind.get(ticker);
  const last = store.prices.get(ticker)?.last?.time;
  const since = blind?.since ?? last;
  const reason = withTitles((blind?.reason ?? '').replace(/\.$/, ''), store.sources) || down;
  return (
    `No price of ${ticker}${since === undefined ? ' yet' : ` since ${formatTime(since)}`}` +
    `${reason === '' ? '' : `: ${reason}`}.${waiting(alerts)}`
  );
}
