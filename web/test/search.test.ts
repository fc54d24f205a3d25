import assert from 'node:assert/strict';
import test from 'node:test';
import { formatVolume } from '../src/format.ts';
import { Store } from '../src/store.ts';
import type { Api } from '../src/api.ts';
import { listedInWords } from '../src/ticker_search.ts';
import type { Alert, FoundTicker } from '../src/types.ts';

const venue = (name: string, status: 'trading' | 'halted' | 'delisted' = 'trading') => ({
  name,
  symbol: 'PEPEUSDT',
  currency: 'USDT',
  status,
  disagrees: false,
});

const words = (...venues: FoundTicker['venues']): string =>
  listedInWords({ ticker: 'PEPE', name: null, watched: false, price: null, venues }, (name) => name.toUpperCase());

test('a found coin says where it trades, or that it does not', () => {
  assert.equal(words(venue('kraken')), 'KRAKEN');
  assert.equal(words(venue('kraken'), venue('okx')), 'KRAKEN and OKX');
  assert.equal(
    words(venue('kraken', 'halted'), venue('okx'), venue('gemini'), venue('bybit')),
    'OKX, GEMINI and 1 more',
  );
  assert.equal(words(venue('kraken', 'halted')), 'Halted');
  assert.equal(words(venue('kraken', 'delisted')), 'Not listed any more');
});

test('a volume keeps three digits', () => {
  assert.deepEqual([1_234_567, 45_600, 12.345, 0.078_91].map(formatVolume), ['1.23 M', '45.6 K', '12.3', '0.0789']);
});

const price = { price: '1', time: '2026-01-01T00:00:00Z' };
const filled = (): Store => {
  const store = new Store({} as Api);
  store.apply({ type: 'prices', prices: { BTC: price, ETH: price } });
  return store;
};

test('an opened ticker is shown after the others, before it has a price', () => {
  const store = filled();
  store.open('PEPE');
  store.open('BTC');
  assert.deepEqual(store.tickers, ['BTC', 'ETH', 'PEPE']);
  store.apply({ type: 'prices', prices: { PEPE: price } });
  assert.deepEqual(store.tickers, ['BTC', 'ETH', 'PEPE']);
  assert.deepEqual(store.wanted, ['PEPE']);
});

test('a closed ticker stays away, though prices are still on the way, until it is opened again', () => {
  const store = filled();
  store.open('PEPE');
  store.close('PEPE');
  store.apply({ type: 'prices', prices: { PEPE: price } });
  assert.deepEqual([store.tickers, store.wanted], [['BTC', 'ETH'], []]);
  store.open('PEPE');
  assert.deepEqual(store.tickers, ['BTC', 'ETH', 'PEPE']);
});

test('the stream is asked for the tickers of active alerts too, within its bound', () => {
  const store = filled();
  const alert = (ticker: string, i: number, is_active = true): Alert =>
    ({ id: `${i}`.padStart(8, '0'), ticker, is_active }) as Alert;
  store.open('PEPE');
  store.putAlert(alert('WIF', 1));
  store.putAlert(alert('GONE', 2, false));
  assert.deepEqual(store.wanted, ['PEPE', 'WIF']);
  for (let i = 3; i < 300; ++i) store.putAlert(alert(`C${i}`, i));
  assert.equal(store.wanted.length, 50);
});

test('an alert is told that its ticker is not watched, and that it is again', () => {
  const store = filled();
  store.putAlert({ id: '1', ticker: 'LUNA', is_active: true } as Alert);
  store.apply({ type: 'unwatched', tickers: { LUNA: { reason: 'No exchange lists it any more.' } } });
  const alert = store.alert('1')!;
  assert.deepEqual([alert.watched, alert.unwatched_reason], [false, 'No exchange lists it any more.']);
  assert.deepEqual(store.wanted, [], 'there is nothing to be sent');
  store.apply({ type: 'unwatched', tickers: { LUNA: null } });
  assert.deepEqual(store.alert('1'), { id: '1', ticker: 'LUNA', is_active: true });
});
