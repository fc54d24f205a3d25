import assert from 'node:assert/strict';
import test from 'node:test';
import { endpointId, Query, queryOf, routeOf } from '../src/route.ts';

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

test('what a list is narrowed to stands behind the view and its item', () => {
  assert.deepEqual(of('#/deliveries?kind=test'), ['deliveries', null]);
  assert.deepEqual(of('#/deliveries/abc?kind=test'), ['deliveries', 'abc']);
  assert.equal(queryOf('#/deliveries/abc?kind=test&code=5xx'), 'kind=test&code=5xx');
  assert.equal(queryOf('#/deliveries'), '');
  const query = new Query('deliveries', 'kind=test&code=');
  assert.equal(query.get('kind'), 'test');
  assert.equal(query.get('alert'), '');
  assert.equal(query.hash('abc'), '#/deliveries/abc?kind=test&code=');
  assert.equal(new Query('deliveries', '').hash(), '#/deliveries');
});

test('the name of an endpoint fits a route, says nothing of its URL and differs from that of another', () => {
  const urls = Array.from({ length: 2000 }, (_, i) => `https://example.com/hook/${i}`);
  const names = new Set(urls.map(endpointId));
  assert.equal(names.size, urls.length);
  for (const name of names) assert.deepEqual(of(`#/deliveries/${name}`), ['deliveries', name]);
});
