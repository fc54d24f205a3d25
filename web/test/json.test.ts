import assert from 'node:assert/strict';
import test from 'node:test';
import { indentJson, parseJson } from '../src/json.ts';

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

test('indented JSON has the same digits, escapes and order', () => {
  const text =
    '{"price":65420.10,"big":1e400,"none":{},"list":[1,[],{"a":"x: {1, 2} \\"q\\" \\\\"}],"é":"\\u00e9"}';
  const indented = indentJson(text);
  assert.equal(
    indented,
    `{
  "price": 65420.10,
  "big": 1e400,
  "none": {},
  "list": [
    1,
    [],
    {
      "a": "x: {1, 2} \\"q\\" \\\\"
    }
  ],
  "é": "\\u00e9"
}`,
  );
  assert.deepEqual(JSON.parse(indented), JSON.parse(text));
});

test('what is not JSON is not indented', () => {
  for (const text of ['', 'BTC is above {70000}', '{"cut": ', 'a,b:c']) assert.equal(indentJson(text), text);
});
