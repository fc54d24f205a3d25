import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer, Api } from '../src/api.ts';
import { History, type Series } from '../src/history.ts';
import { Store } from '../src/store.ts';

const bars = [{ time: '2026-01-01T00:00:00Z', open: '1', high: '2', low: '1', close: '2' }];

/** A history with a fake server, which answers only while `reachable`, and a fake timer. */
function historyWith(reachable: () => boolean) {
  const asked: string[] = [];
  const waits: number[] = [];
  let work: (() => void)[] = [];
  const api = {
    get: async (path: string): Promise<Answer<unknown>> => {
      asked.push(path);
      if (!reachable()) throw new Error('no answer');
      return { body: { bars }, next: null };
    },
  } as unknown as Api;
  const history = new History(api, new Store(api), (later, milliseconds) => {
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
  return { history, asked, waits, settle, passTime };
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
