import assert from 'node:assert/strict';
import test from 'node:test';
import type { Api } from '../src/api.ts';
import {
  listed,
  matching,
  nextOrder,
  ordered,
  orderOf,
  orderText,
  type Ranked,
} from '../src/column_order.ts';
import { changeOf, DayStats, type Day } from '../src/day.ts';
import { toDecimals, usualDecimals } from '../src/decimal.ts';
import { Store } from '../src/store.ts';
import { rowsInSight } from '../src/window_list.ts';

const ranked = (
  ticker: string,
  price: number | null,
  change: number | null = null,
  more: Partial<Ranked> = {},
): Ranked => ({
  ticker,
  price,
  change,
  starred: false,
  alerts: 0,
  ...more,
});
const names = (all: Ranked[]): string => all.map(({ ticker }) => ticker).join(' ');

test('tickers are in the order that was chosen, starred ones first, unknown ones last', () => {
  const all = [
    ranked('BTC', 65_000, 1),
    ranked('DOGE', 0.14, null),
    ranked('ETH', 3100, -2, { starred: true, alerts: 2 }),
    ranked('ADA', null, null),
    ranked('SOL', 142, 3),
  ];
  const by = (text: string, filter: 'all' | 'starred' | 'alerts' = 'all'): string =>
    names(ordered(all, orderOf(text), filter));
  assert.equal(by('listed'), 'ETH BTC DOGE ADA SOL');
  assert.equal(by('name-up'), 'ETH ADA BTC DOGE SOL');
  assert.equal(by('name-down'), 'ETH SOL DOGE BTC ADA');
  assert.equal(by('price-down'), 'ETH BTC SOL DOGE ADA');
  assert.equal(by('price-up'), 'ETH DOGE SOL BTC ADA');
  assert.equal(by('change-down'), 'ETH SOL BTC DOGE ADA');
  assert.equal(by('change-up'), 'ETH BTC SOL DOGE ADA');
  assert.equal(by('listed', 'starred'), 'ETH');
  assert.equal(by('listed', 'alerts'), 'ETH');
});

test('a heading sorts the way one expects, then the other, then not at all', () => {
  const presses = (key: 'name' | 'price'): string[] => {
    let order = listed;
    return [1, 2, 3].map(() => orderText((order = nextOrder(order, key))));
  };
  assert.deepEqual(presses('name'), ['name-up', 'name-down', 'listed']);
  assert.deepEqual(presses('price'), ['price-down', 'price-up', 'listed']);
  assert.deepEqual(nextOrder({ key: 'price', down: false }, 'change'), { key: 'change', down: true });
  for (const damaged of [null, '', 'constructor-down', 'listed-down'])
    assert.deepEqual(orderOf(damaged), listed);
});

test('what is typed matches the beginning first', () => {
  assert.deepEqual(matching(['WBTC', 'BTCB', 'ETH', 'BTC'], ' btc', 9), ['BTC', 'BTCB', 'WBTC']);
  assert.deepEqual(matching(['A1', 'A2', 'A3'], 'a', 2), ['A1', 'A2']);
  assert.deepEqual(matching(['BTC'], ' ', 9), []);
});

test('only rows in sight exist, and a few beyond', () => {
  assert.deepEqual(rowsInSight(0, 460, 46, 1000), { first: 0, length: 23 });
  assert.deepEqual(rowsInSight(4600, 460, 46, 1000), { first: 94, length: 23 });
  assert.deepEqual(rowsInSight(45_540, 460, 46, 1000), { first: 977, length: 23 }, 'at the end as many');
  assert.deepEqual(rowsInSight(900, 460, 46, 3), { first: 0, length: 3 });
  assert.deepEqual(rowsInSight(0, 0, 46, 0), { first: 0, length: 0 });
});

const hour = 3600;
const now = 100 * hour + 1800;
const bar = (time: number, open: number, close: number) => ({ time, open, close, high: 0, low: 0 });
const day = (...bars: Day['bars']): Day => ({ bars, loadedAt: 0 });

test('the change is to the price of 24 hours ago, within its hour by the share that has passed', () => {
  const begun = 76 * hour;
  const bars = [bar(begun - hour, 1, 1), bar(begun, 100, 120), bar(begun + hour, 120, 99)];
  const change = changeOf(day(...bars), 121, now)!;
  assert.equal(change.percent, 10, '110 was the price half an hour into that hour');
  assert.equal(change.since, now - 24 * hour);
  assert.deepEqual(change.closes[0], { time: now - 24 * hour, close: 110 });
  assert.deepEqual(change.closes.at(-1), { time: now, close: 121 }, 'the line ends at the present price');
});

test('a ticker that is known for less than a day says since when', () => {
  const change = changeOf(day(bar(99 * hour, 50, 55)), 60, now)!;
  assert.equal(change.percent, 20);
  assert.equal(change.since, 99 * hour);
  assert.equal(changeOf(day(), 60, now), null);
  assert.equal(changeOf(undefined, 60, now), null);
});

test('days are loaded within the limits: those looked at first, the others later', async () => {
  const asked: string[] = [];
  let clock = 0;
  const timers: (() => void)[] = [];
  const api = {
    get: async (path: string) => {
      asked.push(/rates\/(\w+)/.exec(path)![1]!);
      return { body: { bars: [] }, next: null };
    },
  } as unknown as Api;
  const days = new DayStats(
    api,
    () => clock,
    (work) => void timers.push(work),
  );
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 50; ++i) await Promise.resolve();
  };
  days.fill(Array.from({ length: 20 }, (_, i) => `X${i}`));
  days.get('BTC');
  await settle();
  assert.deepEqual(asked.slice(0, 3), ['X0', 'X1', 'BTC'], 'BTC as soon as there was room');
  assert.equal(asked.length, 8, 'then it waits');
  timers.shift()!();
  await settle();
  assert.equal(asked.length, 9);
  days.get('BTC');
  await settle();
  assert.equal(asked.filter((ticker) => ticker === 'BTC').length, 1, 'it is known');
  clock += 11 * 60_000;
  days.get('BTC');
  timers.shift()!();
  await settle();
  assert.equal(asked.at(-1), 'BTC', 'until it is old');
});

test('a price keeps its decimals, within reason', () => {
  assert.deepEqual(
    ['65186.48', '148.887', '1.5', '0.1423', '0.0000071448'].map(usualDecimals),
    [2, 4, 6, 5, 10],
  );
  assert.equal(toDecimals('66204.7', 2), '66204.70');
  assert.equal(toDecimals('66204.715', 2), '66204.72');
  assert.equal(toDecimals('0.99999', 2), '1.00');
  assert.equal(toDecimals('5', 0), '5');
  const store = new Store({} as Api);
  const show = (price: string): string => {
    store.apply({ type: 'prices', prices: { BTC: { price, time: 't' } } });
    return store.shown('BTC', price);
  };
  assert.deepEqual(['66204.7', '66204.71', '66205', '66204.712345'].map(show), [
    '66204.7',
    '66204.71',
    '66205.00',
    '66204.71',
  ]);
});
