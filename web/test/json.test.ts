import assert from 'node:assert/strict';
import test from 'node:test';
import { parseJson } from '../src/json.ts';

test('prices keep the digits that were sent', () => {
  const text =
    '{"price":65420.150000000000000001,"target_price": 0.30,"triggered_price":null,"attempt_count":3}';
  assert.deepEqual(parseJson(text), {
    price: '65420.150000000000000001',
    target_price: '0.30',
    triggered_price: null,
    attempt_count: 3,
  });
});

test('text that only looks like a price is unchanged', () => {
  const note = 'the "price": 12 of {"price":1.50}, a \\ and a \u2028';
  assert.deepEqual(parseJson(JSON.stringify({ note, price: 1 })), { note, price: '1' });
  assert.deepEqual(parseJson('{"a":"price","b":2}'), { a: 'price', b: 2 });
  assert.deepEqual(parseJson('[-1.5e3,{"open":1E2,"age":0.5}]'), [-1500, { open: '1E2', age: 0.5 }]);
});

test('invalid JSON is refused', () => {
  for (const text of ['', '{', '<html>', '{"price":}']) {
    assert.throws(() => parseJson(text), SyntaxError, text);
  }
});
