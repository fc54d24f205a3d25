import assert from 'node:assert/strict';
import test from 'node:test';
import { routeOf } from '../src/route.ts';

const views = { market: 1, deliveries: 2 };
const of = (hash: string): [string, string | null] => routeOf(hash, views, 'market');

test('a hash is a view and the item open in it', () => {
  assert.deepEqual(of('#/deliveries'), ['deliveries', null]);
  assert.deepEqual(of('#/deliveries/'), ['deliveries', null]);
  const id = '01939e3c-8a5f-7cc0-8000-000000000001';
  assert.deepEqual(of(`#/deliveries/${id}`), ['deliveries', id]);
});

test('an invalid hash shows the default view', () => {
  for (const hash of ['', '#', '#/', '#/%', '#/constructor', '#/__proto__', '#/toString/x y', '#/nothing'])
    assert.deepEqual(of(hash), ['market', null], hash);
  for (const id of ['%', '%zz', '..', '..%2Fusers', 'a'.repeat(65)])
    assert.deepEqual(of(`#/deliveries/${id}`), ['deliveries', null], id);
});
