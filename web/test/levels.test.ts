import assert from 'node:assert/strict';
import test from 'node:test';
import type { DrawnBar } from '../src/bars.ts';
import { parseJson } from '../src/json.ts';
import { drawnLevels, moveOf, needsState, stateAtStart, windowSeconds } from '../src/levels.ts';
import type { When } from '../src/rules.ts';
import type { Alert, AlertStateAnswer } from '../src/types.ts';

const minute = (index: number, low: number, high: number): DrawnBar => ({
  time: index * 60,
  open: low,
  high,
  low,
  close: high,
});
const market = {
  bars: [minute(0, 90, 95), minute(1, 99, 101), minute(2, 100, 104)],
  barSeconds: 60,
  present: '103.00',
};

function alertWith(when: string, more: Partial<Alert> = {}): Alert {
  const plain = { ticker: 'BTC', condition: null, target_price: null };
  return { ...plain, when: parseJson(when) as When, ...more } as Alert;
}

const answer = (level: string | (string | null)[], time = '1970-01-01T00:01:00Z'): AlertStateAnswer => ({
  says: '',
  rules: [{ level }],
  start: { time, price: '99' },
});

const said = (alert: Alert, state: AlertStateAnswer | null = null) =>
  drawnLevels(alert, state, market).map(({ price, side, blank }) => [price, side, blank]);

test('numbers are levels that can be dragged, with the blank that a drag changes', () => {
  const plain = { ticker: 'BTC', condition: 'gt', target_price: '110.50' } as Alert;
  assert.deepEqual(said(plain), [['110.50', 'above', 0]]);
  assert.deepEqual(said(alertWith('{"is":"crosses","level":100}')), [['100', null, 0]]);
  assert.deepEqual(said(alertWith('{"is":"outside","level":[90,110]}')), [
    ['90', 'below', 0],
    ['110', 'above', 1],
  ]);
  assert.deepEqual(said(alertWith('{"is":"enters","level":[90,110]}')), [
    ['90', 'above', 0],
    ['110', 'below', 1],
  ]);
  assert.deepEqual(
    said(
      alertWith(
        '{"any":[{"is":"below","level":{"from":"high","over":"1h","by":"-3%"}},{"is":"above","level":120}]}',
      ),
    ),
    [['120', 'above', 2]],
  );
});

test('what is counted in something else has no line', () => {
  for (const when of [
    '{"watch":{"ratio_to":"ETH"},"is":"below","level":0.05}',
    '{"watch":"age","is":"above","level":"60s"}',
    '{"all":[{"ticker":"ETH","is":"above","level":10}]}',
  ])
    assert.deepEqual(said(alertWith(when)), [], when);
  assert.equal(said(alertWith('{"watch":{"close":"1h"},"is":"above","level":10}')).length, 1);
});

test('a move changes one number and keeps the digits of the others', () => {
  const plain = { ticker: 'BTC', condition: 'gt', target_price: '110' } as Alert;
  assert.deepEqual(moveOf(drawnLevels(plain, null, market)[0]!, '111.50'), { target_price: '111.50' });
  const channel = alertWith('{"is":"outside","level":[90.000000000000000001,110]}');
  assert.deepEqual(moveOf(drawnLevels(channel, null, market)[1]!, '111.50'), {
    when: '{"is":"outside","level":[90.000000000000000001,111.50]}',
  });
});

test('a level from the start stands where the server says', () => {
  const alert = alertWith('{"is":"above","level":{"from":"start","by":"5%"}}');
  assert.equal(needsState(alert), true);
  assert.deepEqual(said(alert), [], 'not known yet');
  assert.deepEqual(said(alert, answer('103.95')), [['103.95', 'above', null]]);
  assert.equal(needsState(alertWith('{"is":"above","level":5}')), false);
});

test('a trailing level follows new highs after the server was asked', () => {
  const alert = alertWith('{"is":"below","level":{"from":"high","by":"-5%"}}');
  // The server knew of a high of 101; a bar since has 104.
  const [level] = drawnLevels(alert, answer('95.95'), market);
  assert.equal(level!.price, '98.80');
  assert.deepEqual(level!.steps, [
    { time: 60, value: 101 * 0.95 },
    { time: 120, value: 104 * 0.95 },
  ]);
});

test('a level within a window slides with the bars', () => {
  const alert = alertWith('{"is":"crosses_up","level":{"from":"low","over":"1m","by":"+10"}}');
  assert.equal(windowSeconds('15m'), 900);
  assert.deepEqual(said(alert), [['110.00', 'above', null]]);
  const two = alertWith('{"is":"above","level":{"from":"low","over":"5m","by":"10"}}');
  assert.deepEqual(said(two), [], 'there are not bars enough');
  const bars = Array.from({ length: 8 }, (_, i) => minute(i, 100 - i, 110));
  const [level] = drawnLevels(two, null, { ...market, bars });
  assert.equal(level!.price, '103.00');
  assert.deepEqual(
    level!.steps.map(({ value }) => value),
    [105, 104, 103],
  );
});

test('of an alert that is not made yet, levels begin at the present price', () => {
  for (const [when, prices] of [
    ['{"is":"above","level":{"from":"start","by":"10%"}}', ['113.30']],
    ['{"is":"below","level":{"from":"high","by":"-3"}}', ['100.00']],
    [
      '{"is":"outside","level":[{"from":"start","by":"-10%"},{"from":"start","by":"10%"}]}',
      ['92.70', '113.30'],
    ],
  ] as const) {
    const alert = alertWith(when);
    const late = { ...market, bars: [] };
    assert.deepEqual(
      drawnLevels(alert, stateAtStart(alert, late), late).map(({ price }) => price),
      prices,
    );
  }
});
