import assert from 'node:assert/strict';
import test from 'node:test';
import type { Api } from '../src/api.ts';
import { downInWords, healthOf, marketState, strip, withTitles } from '../src/market_state.ts';
import { settings } from '../src/settings.ts';
import { Store } from '../src/store.ts';
import type { SourceState } from '../src/types.ts';

settings.change({ zone: 'UTC' });
const time = new Date().toISOString().slice(0, 10) + 'T03:31:08Z';
const price = { price: '1', time };
const source = (title: string, status: SourceState['status'], state = 'streaming'): SourceState => ({
  kind: 'exchange',
  title,
  status,
  state,
});

function storeWith(tickers: string[]): Store {
  const store = new Store({} as Api);
  store.apply({ type: 'prices', prices: Object.fromEntries(tickers.map((ticker) => [ticker, price])) });
  store.apply({
    type: 'sources',
    sources: { binance: source('Binance', 'ok'), gate_io: source('Gate.io', 'ok') },
  });
  return store;
}

test('before the first prices nothing is claimed', () => {
  const store = new Store({} as Api);
  assert.equal(marketState(store).state, 'unknown');
  assert.equal(strip(store, 'BTC'), '');
});

test('the market is told apart from the connection', () => {
  const store = storeWith(['BTC', 'ETH', 'SOL']);
  assert.deepEqual(marketState(store), { state: 'ok', text: 'All prices', missing: [] });
  assert.equal(strip(store, 'BTC'), '');
  store.apply({ type: 'prices', prices: { BTC: null } });
  assert.deepEqual(marketState(store), { state: 'partial', text: 'No BTC', missing: ['BTC'] });
  store.apply({ type: 'prices', prices: { ETH: null } });
  assert.equal(marketState(store).text, '2 without');
  store.apply({ type: 'prices', prices: { SOL: null } });
  assert.equal(marketState(store).state, 'none');
});

test('a coin opened a moment ago is not missed yet', () => {
  const store = storeWith(['BTC']);
  store.open('PEPE');
  store.apply({ type: 'watch', tickers: { PEPE: { watched: false, state: 'starting' } } });
  assert.equal(marketState(store).state, 'ok');
  store.apply({ type: 'watch', tickers: { PEPE: { watched: false, state: 'delisted' } } });
  assert.deepEqual(marketState(store).missing, ['PEPE']);
});

test('the strip says since when there is no price, why, and how many alerts wait', () => {
  const store = storeWith(['BTC', 'ETH']);
  store.apply({ type: 'prices', prices: { BTC: null } });
  assert.equal(strip(store, 'BTC'), 'No price of BTC since 03:31:08.');
  assert.equal(strip(store, 'ETH'), 'No price of BTC since 03:31:08.', 'also beside the chart of another');
  store.apply({ type: 'sources', sources: { binance: source('Binance', 'down', 'silent') } });
  assert.equal(strip(store, 'BTC'), 'No price of BTC since 03:31:08: Binance is down.');
  const since = time.replace(':08Z', ':18Z');
  store.apply({ type: 'blind', tickers: { BTC: { since, reason: 'gate_io is stale', alerts: 3 } } });
  assert.equal(strip(store, 'BTC'), 'No price of BTC since 03:31:18: Gate.io is stale. 3 alerts wait.');
  store.apply({ type: 'prices', prices: { ETH: null } });
  store.apply({ type: 'blind', tickers: { ETH: { since, reason: '', alerts: 1 } } });
  store.apply({ type: 'sources', sources: { gate_io: source('Gate.io', 'down', 'silent') } });
  assert.equal(strip(store, 'BTC'), 'No price of any ticker since 03:31:18: all sources are down. 4 alerts wait.');
});

test('many tickers without a price are counted', () => {
  const store = storeWith(['A', 'B', 'C', 'D', 'E', 'F', 'G']);
  store.apply({
    type: 'prices',
    prices: Object.fromEntries(['A', 'B', 'C', 'D', 'E', 'F'].map((t) => [t, null])),
  });
  assert.equal(strip(store, 'G'), 'No price of A, B, C, D and 2 more since 03:31:08.');
});

test('a source that has never worked is down, one that begins is not', () => {
  const begun = { ...source('Binance', 'degraded', 'connecting'), detail: 'connecting', last_quote_at: null };
  assert.equal(healthOf(begun), 'degraded');
  assert.equal(healthOf({ ...begun, detail: 'connecting: cannot connect: refused' }), 'down');
  const before = { ...begun, detail: 'connecting: cannot connect', last_quote_at: time };
  assert.equal(healthOf(before), 'degraded', 'it did work');
});

test('sources have their titles', () => {
  const { sources } = storeWith([]);
  assert.equal(withTitles('binance is stale, gate_io lags', sources), 'Binance is stale, Gate.io lags');
  assert.equal(downInWords(sources), '');
  const down = new Map(
    ['A', 'B', 'C', 'D'].map((name) => [name, source(name, name === 'D' ? 'ok' : 'down')]),
  );
  assert.equal(downInWords(down), 'A, B and 1 more are down');
});
