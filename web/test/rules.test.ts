import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf } from '../src/alert_body.ts';
import { parseJson } from '../src/json.ts';
import { blanksOf, fillIn, whenJson, type When } from '../src/rules.ts';
import type { Alert } from '../src/types.ts';

const read = (text: string): When => parseJson(text) as When;

test('each value of a rule is a blank, and filled blanks go back to their places', () => {
  const cases: [string, string[], string][] = [
    ['{"is":"above","level":70000}', ['Level=70000'], '{"is":"above","level":1}'],
    [
      '{"is":"outside","level":[0.99,1.01]}',
      ['Lower level=0.99', 'Upper level=1.01'],
      '{"is":"outside","level":[1,2]}',
    ],
    [
      '{"is":"above","level":{"from":"low","over":"1h","by":"5%"}}',
      ['Level: window=1h', 'Level: change=5%'],
      '{"is":"above","level":{"from":"low","over":"1","by":"2"}}',
    ],
    [
      '{"is":"above","level":{"from":65000,"by":"2%"}}',
      ['Level=65000', 'Level: change=2%'],
      '{"is":"above","level":{"from":1,"by":"2"}}',
    ],
    ['{"watch":"age","is":"above","level":"60s"}', ['Level=60s'], '{"watch":"age","is":"above","level":1}'],
    [
      '{"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"below","level":2500}]}',
      ['Level of rule 1=70000', 'Level of rule 2=2500'],
      '{"all":[{"is":"above","level":1},{"ticker":"ETH","is":"below","level":2}]}',
    ],
  ];
  for (const [text, blanks, filled] of cases) {
    const when = read(text);
    const found = blanksOf(when);
    assert.deepEqual(
      found.map(({ label, value }) => `${label}=${value}`),
      blanks,
    );
    assert.equal(whenJson(when), text);
    assert.equal(
      whenJson(
        fillIn(
          when,
          found.map((_, i) => String(i + 1)),
        ),
      ),
      filled,
    );
  }
});

test('a level keeps its digits on the way to the page and back', () => {
  const text = '{"is":"above","level":0.300000000000000004}';
  assert.equal(whenJson(read(text)), text);
});

test('the same alert can be made again, whatever it says', () => {
  const plain = {
    ticker: 'BTC',
    target_price: '70000.10',
    condition: 'gt',
    webhook_url: 'https://a.example/',
    note: '',
    format: 'json',
    deliver_within: '24h',
    is_active: false,
  } as Alert;
  assert.equal(
    bodyOf(plain, 0),
    '{"target_price":70000.10,"ticker":"BTC","webhook_url":"https://a.example/","format":"json","deliver_within":"24h","condition":"gt"}',
  );
  const ruled = {
    ...plain,
    target_price: null,
    condition: null,
    when: read('{"is":"above","level":{"from":"high","over":"24h"}}'),
    for: null,
    repeat: { cooldown: '5m', rearm: '1%', times: null },
    status: 'fired',
    starts_at: '2025-01-01T00:00:00Z',
    expires_at: '2025-05-01T00:00:00Z',
    snoozed_until: '2025-07-01T00:00:00Z',
  } as Alert;
  const body = JSON.parse(bodyOf(ruled, Date.parse('2025-06-01T00:00:00Z'))) as Record<string, unknown>;
  assert.deepEqual(body['when'], { is: 'above', level: { from: 'high', over: '24h' } });
  assert.deepEqual(body['repeat'], { cooldown: '5m', rearm: '1%', times: null });
  assert.equal('target_price' in body || 'for' in body, false);
  // A life that is over is not begun again with its end.
  assert.equal('starts_at' in body || 'expires_at' in body, false);
  assert.equal(body['snoozed_until'], '2025-07-01T00:00:00Z');
});
