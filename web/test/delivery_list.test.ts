import assert from 'node:assert/strict';
import test from 'node:test';
import type { Api } from '../src/api.ts';
import {
  deliveriesPath,
  DeliveryPages,
  isNarrowed,
  matchesDelivery,
  type DeliveryFilter,
} from '../src/delivery_list.ts';
import { endpointId } from '../src/route.ts';
import { Store } from '../src/store.ts';
import type { Delivery } from '../src/types.ts';

const any: DeliveryFilter = { state: 'all', endpoint: '', alert: '', kind: '', code: '', since: null };

const delivery = (more: Partial<Delivery> = {}): Delivery => ({
  id: '0193',
  alert_id: 'a',
  ticker: 'BTC',
  webhook_url: 'https://example.com/hook',
  kind: 'alert',
  status: 'failed',
  attempt_count: 4,
  attempts_allowed: 4,
  created_at: '2026-01-02T00:00:00Z',
  deadline: '2026-01-03T00:00:00Z',
  next_attempt_at: null,
  finished_at: null,
  reason: null,
  last_status: 503,
  ...more,
});

test('each member narrows by itself', () => {
  const d = delivery();
  const since = Date.parse(d.created_at);
  const id = endpointId(d.webhook_url);
  for (const [narrow, other] of [
    [{ state: 'ended' }, { state: 'open' }],
    [{ endpoint: id }, { endpoint: endpointId('https://example.com/other') }],
    [{ alert: 'a' }, { alert: 'b' }],
    [{ kind: 'alert' }, { kind: 'test' }],
    [{ code: '5xx' }, { code: '2xx' }],
    [{ since }, { since: since + 1 }],
  ] as Partial<DeliveryFilter>[][]) {
    assert.ok(matchesDelivery(d, { ...any, ...narrow }), JSON.stringify(narrow));
    assert.ok(!matchesDelivery(d, { ...any, ...other }), JSON.stringify(other));
    assert.ok(isNarrowed({ ...any, ...narrow }));
  }
  assert.ok(matchesDelivery(d, any));
  assert.ok(!isNarrowed(any));
});

test('no response is one that was tried and not answered', () => {
  const none = { ...any, code: 'none' };
  assert.ok(matchesDelivery(delivery({ last_status: null }), none));
  assert.ok(!matchesDelivery(delivery({ last_status: null, attempt_count: 0 }), none));
  assert.ok(!matchesDelivery(delivery(), none));
});

test('the request has what narrows, and nothing else', () => {
  const params = (filter: Partial<DeliveryFilter>, url?: string): string => {
    const all = new URL(deliveriesPath({ ...any, ...filter }, url), 'http://x').searchParams;
    all.delete('limit');
    return [...all].map((pair) => pair.join('=')).join(' ');
  };
  assert.equal(params({}), '');
  assert.equal(params({ state: 'open', kind: 'test' }), 'status=pending,delivering kind=test');
  assert.equal(params({}, 'https://example.com/?a=1&b=2'), 'endpoint=https://example.com/?a=1&b=2');
  assert.equal(
    params({ alert: 'a', code: '5xx', since: 0 }),
    'alert_id=a code=5xx since=1970-01-01T00:00:00.000Z',
  );
});

/** Answers with these pages, one after the other. */
function pagesOf(...pages: { body: Delivery[]; next: string | null }[]): {
  pages: DeliveryPages;
  store: Store;
} {
  const left = [...pages];
  const api = { get: async () => left.shift() } as unknown as Api;
  const store = new Store(api);
  return { pages: new DeliveryPages(api, store), store };
}

test('what is older than the last page is not shown: pages between may be missing', async () => {
  const { pages, store } = pagesOf(
    { body: [delivery({ id: '9' }), delivery({ id: '7' })], next: '/next' },
    { body: [delivery({ id: '3' })], next: null },
  );
  store.putDelivery(delivery({ id: '1' }));
  await pages.load('/first');
  assert.deepEqual([pages.floor, pages.hasMore], ['7', true]);
  await pages.more();
  assert.deepEqual([pages.floor, pages.hasMore], ['', false]);
  assert.deepEqual(
    store.deliveries.map((d) => d.id),
    ['9', '7', '3', '1'],
  );
});

test('empty pages are passed over, but not for ever', async () => {
  const empty = { body: [], next: '/next' };
  const one = pagesOf(empty, empty, { body: [delivery({ id: '5' })], next: '/next' });
  await one.pages.load('/first');
  assert.equal(one.pages.floor, '5');
  const many = pagesOf(...Array.from({ length: 50 }, () => empty));
  await many.pages.load('/first');
  assert.deepEqual([many.pages.loaded, many.pages.hasMore, many.pages.floor], [true, true, '~']);
});

test('an answer to an earlier request is dropped', async () => {
  let answer!: (page: unknown) => void;
  const api = {
    get: (path: string) =>
      path === '/slow'
        ? new Promise((done) => (answer = done))
        : Promise.resolve({ body: [delivery({ id: '8' })], next: null }),
  } as unknown as Api;
  const store = new Store(api);
  const pages = new DeliveryPages(api, store);
  const slow = pages.load('/slow');
  await pages.load('/quick');
  answer({ body: [delivery({ id: '2' })], next: '/more' });
  await slow;
  assert.deepEqual([pages.floor, pages.hasMore], ['', false]);
  assert.deepEqual(
    store.deliveries.map((d) => d.id),
    ['8'],
  );
});

test('what a request found is asked for again after the list was loaded anew, which has dropped it', async () => {
  const { pages, store } = pagesOf(
    { body: [delivery({ id: '3' })], next: null },
    { body: [delivery({ id: '9' })], next: '/older' },
    { body: [delivery({ id: '3' })], next: null },
  );
  await pages.load('/first');
  assert.equal(pages.isStale, false);
  await store.loadDeliveries();
  assert.deepEqual([pages.isStale, store.delivery('3')], [true, undefined]);
  await pages.load('/first');
  assert.deepEqual([pages.isStale, store.delivery('3')?.id], [false, '3']);
});
