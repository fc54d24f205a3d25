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
import type { ChangesAnswer } from '../src/types.ts';
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

test('the change is that of the present price, and the line ends at it', () => {
  const since = now - 24 * hour;
  const ends = [
    { time: since - 1, close: 1 },
    { time: 77 * hour, close: 99 },
  ];
  const change = changeOf({ open: 110, since, ends }, 121, now)!;
  assert.equal(change.percent, 10);
  assert.deepEqual(change.closes, [
    { time: since, close: 110 },
    { time: 77 * hour, close: 99 },
    { time: now, close: 121 },
  ]);
  assert.equal(changeOf({ open: 0, since, ends: [] }, 60, now), null);
  assert.equal(changeOf(undefined, 60, now), null);
});

test('the last day of all tickers is one request a minute, sooner while one is not known', async () => {
  let asked = 0;
  let clock = 0;
  const line = Array<number | null>(24).fill(null);
  const changes: ChangesAnswer['changes'] = [
    { ticker: 'BTC', open_24h: 100, since: '2026-11-29T10:20:00Z', sparkline: [101, ...line.slice(2), 103] },
    { ticker: 'NEW', open_24h: null, since: null, sparkline: line },
  ];
  const api = {
    get: async (path: string) => {
      assert.equal(path, '/api/v1/rates/changes?sparkline=true');
      ++asked;
      return { body: { time: '2026-11-30T10:20:30Z', changes }, next: null };
    },
  } as unknown as Api;
  const days = new DayStats(api, () => clock);
  const look = async (ticker: string, at: number): Promise<Day | undefined> => {
    clock = at;
    days.get(ticker);
    await new Promise((done) => setImmediate(done));
    return days.known(ticker);
  };
  assert.deepEqual(await look('BTC', 0), {
    open: 100,
    since: Date.parse('2026-11-29T10:20:00Z') / 1000,
    ends: [
      { time: Date.parse('2026-11-29T11:00:00Z') / 1000, close: 101 },
      { time: Date.parse('2026-11-30T10:00:00Z') / 1000, close: 103 },
    ],
  });
  await look('BTC', 59_999);
  assert.equal(asked, 1);
  await look('BTC', 60_000);
  assert.equal(asked, 2);
  await look('NEW', 64_999);
  assert.equal(asked, 2);
  for (let i = 1; i <= 30; ++i) assert.equal(await look('NEW', 60_000 + i * 5000), undefined);
  assert.equal(asked, 2 + 12 + 1, 'what stays unknown is asked for no more often than the others');
  days.clear();
  assert.equal(days.known('BTC'), undefined);
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
