import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer, Api } from '../src/api.ts';
import { History, type Series } from '../src/history.ts';
import { Store } from '../src/store.ts';

const bars = [{ time: '2026-01-01T00:00:00Z', open: '1', high: '2', low: '1', close: '2' }];

/** A history with a fake server, which answers only while `reachable`, and a fake timer. */
function historyWith(reachable: () => boolean, loading = () => false) {
  const asked: string[] = [];
  const waits: number[] = [];
  let work: (() => void)[] = [];
  const api = {
    get: async (path: string): Promise<Answer<unknown>> => {
      asked.push(path);
      if (!reachable()) throw new Error('no answer');
      return { body: { bars, ...(loading() ? { loading: true } : {}) }, next: null };
    },
  } as unknown as Api;
  const store = new Store(api);
  const history = new History(api, store, (later, milliseconds) => {
    waits.push(milliseconds);
    work.push(later);
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const passTime = async (): Promise<void> => {
    const now = work;
    work = [];
    now.forEach((each) => each());
    await settle();
  };
  return { history, store, asked, waits, settle, passTime };
}

const look = (history: History): Series => history.get('BTC', '1m', 500);

test('a failed load is retried with growing waits as long as a view shows it', async () => {
  let reachable = false;
  const { history, asked, waits, settle, passTime } = historyWith(() => reachable);
  const stop = history.onChange(() => look(history));
  look(history);
  await settle();
  assert.notEqual(look(history).error, '');
  assert.equal(asked.length, 1, 'reading again does not retry at once');
  for (let i = 0; i < 5; ++i) await passTime();
  assert.equal(asked.length, 6);
  assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  stop();
  await passTime();
  assert.equal(asked.length, 6, 'no view shows it any more');
  reachable = true;
  look(history);
  await settle();
  assert.equal(asked.length, 7);
  const { loaded, error } = look(history);
  assert.deepEqual([loaded, error], [true, '']);
  await passTime();
  look(history);
  assert.equal(asked.length, 7, 'loaded bars are not requested again');
});

test('a gap in the stream does not start a second series of retries', async () => {
  const { history, asked, waits, settle, passTime } = historyWith(() => false);
  history.onChange(() => look(history));
  look(history);
  await settle();
  history.reload();
  await settle();
  assert.equal(asked.length, 2);
  assert.equal(waits.length, 1);
  await passTime();
  assert.equal(asked.length, 3);
  assert.equal(waits.length, 2);
});

test('a bar that the server did not have yet is asked for again', async () => {
  const { history, store, waits, settle, passTime } = historyWith(() => true);
  const chart = (): Series => history.get('BTC', '1m', 500, true);
  store.apply({ type: 'prices', prices: { BTC: { time: '2026-01-01T00:01:02Z', price: '3' } } });
  chart();
  await settle();
  assert.deepEqual(waits, [6000]);
  chart();
  await passTime();
  assert.deepEqual(waits, [6000, 6000], 'still not there');
  chart();
  bars.push({ time: '2026-01-01T00:01:00Z', open: '2.6', high: '3', low: '2.6', close: '3' });
  await passTime();
  bars.pop();
  assert.deepEqual(
    chart().bars.map((bar) => bar.open),
    [1, 2.6],
  );
  assert.equal(waits.length, 2);
});

test('a bar that began with a live price is corrected by the server, for the chart alone', async () => {
  const { history, store, asked, waits, settle, passTime } = historyWith(() => true);
  const chart = (): Series => history.get('BTC', '1m', 500, true);
  const price = (time: string, digits: string): void =>
    store.apply({ type: 'prices', prices: { BTC: { time, price: digits } } });
  price('2026-01-01T00:00:20Z', '2');
  chart();
  history.get('BTC', '1m', 60);
  await settle();
  assert.equal(asked.length, 2);
  price('2026-01-01T00:00:30Z', '2.5');
  assert.deepEqual(waits, [], 'the bar is the one that was loaded');
  chart();
  price('2026-01-01T00:01:02Z', '3');
  price('2026-01-01T00:02:02Z', '3');
  assert.deepEqual(waits, [6000]);
  bars.push({ time: '2026-01-01T00:01:00Z', open: '2.6', high: '3', low: '2.6', close: '3' });
  await passTime();
  bars.pop();
  assert.equal(asked.length, 3);
  assert.deepEqual(
    chart().bars.map((bar) => bar.open),
    [1, 2.6, 3],
  );
  price('2026-01-01T00:03:02Z', '3');
  assert.equal(waits.length, 2);
  await passTime();
  price('2026-01-01T00:04:02Z', '3');
  assert.equal(waits.length, 2, 'no view asks for the bars any more');
  chart();
  assert.equal(waits.length, 3, 'one asks again');
});

test('while the server still reads the history of a ticker, it is asked again', async () => {
  let loading = true;
  const { history, asked, settle, passTime } = historyWith(
    () => true,
    () => loading,
  );
  look(history);
  await settle();
  assert.deepEqual([look(history).filling, look(history).loaded], [true, true]);
  await passTime();
  assert.equal(asked.length, 2);
  loading = false;
  await passTime();
  assert.equal(look(history).filling, false);
  await passTime();
  assert.equal(asked.length, 3);
});

test('the bars of a closed ticker are forgotten', async () => {
  const { history, store, asked, settle } = historyWith(() => true);
  store.open('PEPE');
  history.get('PEPE', '1m', 500);
  look(history);
  await settle();
  assert.equal(asked.length, 2);
  store.close('PEPE');
  history.reload();
  await settle();
  assert.deepEqual(
    asked.slice(2).map((path) => path.includes('BTC')),
    [true],
  );
});

test('a chart that is scrolled back loads older bars until there are none', async () => {
  const { history, asked, settle, passTime } = historyWith(() => true);
  look(history);
  await settle();
  const older = { time: '2025-12-31T23:59:00Z', open: '5', high: '5', low: '5', close: '5' };
  const answers = [older];
  const newest = bars.splice(0, 1, answers[0]!);
  await history.extend(look(history));
  assert.ok(asked[1]!.includes('&to=2026-01-01T00:00:00.000Z'), asked[1]);
  assert.deepEqual(
    look(history).bars.map((bar) => bar.open),
    [5, 1],
  );
  await history.extend(look(history));
  assert.equal(asked.length, 2, 'not faster than once a second');
  await passTime();
  bars.length = 0;
  await history.extend(look(history));
  await passTime();
  assert.equal(look(history).complete, true);
  await history.extend(look(history));
  assert.equal(asked.length, 3, 'there are none before');
  bars.push(newest[0]!);
});

test('no older bars are asked for while the server still reads the history', async () => {
  const { history, asked, settle } = historyWith(
    () => true,
    () => true,
  );
  look(history);
  await settle();
  await history.extend(look(history));
  assert.equal(asked.length, 1);
});

test('a failed load of older bars can be tried again', async () => {
  let reachable = true;
  const { history, asked, settle, passTime } = historyWith(() => reachable);
  look(history);
  await settle();
  reachable = false;
  await history.extend(look(history));
  assert.deepEqual([look(history).complete, look(history).error], [false, '']);
  await passTime();
  await history.extend(look(history));
  assert.equal(asked.length, 3);
});

test('a combined bar of which the first part may be missing is left out', async () => {
  const { history, asked, settle } = historyWith(() => true);
  history.get('BTC', '4h', 1);
  await settle();
  assert.ok(asked[0]!.includes('interval=1h&limit=4'), asked[0]);
});

test('only the series looked at last are kept and continued', async () => {
  const { history, store, asked, settle } = historyWith(() => true);
  const first = look(history);
  for (let i = 0; i < 23; ++i) history.get(`X${i}`, '1m', 500);
  await settle();
  assert.equal(look(history), first, 'it was looked at a moment ago');
  for (let i = 0; i < 23; ++i) history.get(`Y${i}`, '1m', 500);
  await settle();
  assert.equal(look(history), first);
  asked.length = 0;
  history.reload();
  await settle();
  assert.equal(asked.length, 24);
  history.get('Z', '1m', 500);
  history.get('X22', '1m', 500);
  store.apply({ type: 'prices', prices: { Y0: { price: '9', time: '2026-01-01T00:00:01Z' } } });
  assert.equal(history.get('Y0', '1m', 500).loaded, false, 'it has to be loaded again');
});
