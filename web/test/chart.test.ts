import assert from 'node:assert/strict';
import test from 'node:test';
import {
  askedFor,
  combineBars,
  drawn,
  intervalStart,
  joinBars,
  takePrice,
  type DrawnBar,
} from '../src/bars.ts';
import { conditionFor, holdsAlready, placeLines, priceRange } from '../src/chart_geometry.ts';
import { sparkPoints } from '../src/spark.ts';

const bar = (time: number, close: number): DrawnBar => ({
  time,
  open: close,
  high: close + 1,
  low: close - 1,
  close,
});

test('live prices extend the bars', () => {
  const bars = [bar(60, 10)];
  takePrice(bars, '1m', 12, 65.5);
  assert.deepEqual(bars, [{ time: 60, open: 10, high: 12, low: 9, close: 12 }]);
  takePrice(bars, '1m', 8, 119.9);
  assert.deepEqual(bars, [{ time: 60, open: 10, high: 12, low: 8, close: 8 }]);
  takePrice(bars, '1m', 9, 240);
  assert.deepEqual(bars.at(-1), { time: 240, open: 9, high: 9, low: 9, close: 9 });
  takePrice(bars, '1m', 99, 70);
  assert.equal(bars.length, 2, 'a late price changes nothing');
  assert.equal(intervalStart(86_399, '1d'), 0);
  assert.equal(intervalStart(86_400, '1d'), 86_400);
  // 5 January 1970 was a Monday.
  assert.equal(intervalStart(4 * 86_400, '1w'), 4 * 86_400);
  assert.equal(intervalStart(11 * 86_400 - 1, '1w'), 4 * 86_400);
  assert.equal(intervalStart(7199, '1h'), 3600);
});

test('history that arrives late keeps the live bars', () => {
  const live = [{ time: 120, open: 20, high: 25, low: 19, close: 21 }, bar(180, 22)];
  const history = [bar(60, 10), { time: 120, open: 11, high: 24, low: 10, close: 20 }];
  assert.deepEqual(joinBars(history, live), [
    bar(60, 10),
    { time: 120, open: 11, high: 25, low: 10, close: 21 },
    bar(180, 22),
  ]);
  assert.deepEqual(joinBars([], live), live);
  assert.deepEqual(joinBars(history, []), history);
});

test('a bar is parsed from its strings', () => {
  const text = { time: '1970-01-01T00:01:00Z', open: '1.5', high: '2', low: '1', close: '1.75' };
  assert.deepEqual(drawn(text), { time: 60, open: 1.5, high: 2, low: 1, close: 1.75 });
});

test('the chart shows all bars, room around them, and the nearby marks', () => {
  const near = priceRange(100, 110, [115]);
  assert.ok(near.min < 100 && near.max > 115);
  const far = priceRange(100, 110, [200, 1]);
  assert.ok(far.max < 120 && far.min > 90);
  const still = priceRange(100, 100, []);
  assert.ok(still.min < 100 && still.max > 100, 'a flat market has a height');
  assert.ok(priceRange(0.00001, 5, []).min >= 0, 'no price is below 0');
});

test('labels of close lines do not cover each other, and none leaves the chart', () => {
  const placed = placeLines([50, 55, 62, 200, -30, 500], 300, 20, [60, 200, 60, 60, 60, 60]);
  assert.deepEqual(
    placed.map((p) => p.right),
    [4, 68, 272, 4, 4, 4],
  );
  assert.deepEqual(
    placed.map((p) => p.off),
    [0, 0, 0, 0, -1, 1],
  );
  assert.ok(placed.every((p) => p.y >= 10 && p.y <= 290));
});

test('a label takes the place that a farther one leaves free', () => {
  // The third is 20 below the first, whose place it can have.
  const placed = placeLines([50, 60, 70], 300, 20, [60, 60, 60]);
  assert.deepEqual(
    placed.map((p) => p.right),
    [4, 68, 4],
  );
});

test('bars of 15 minutes and 4 hours are combined from shorter ones', () => {
  assert.deepEqual(
    [askedFor('15m'), askedFor('4h')],
    [
      { interval: '5m', times: 3 },
      { interval: '1h', times: 4 },
    ],
  );
  assert.deepEqual(askedFor('1d'), { interval: '1d', times: 1 });
  const bars = [
    { time: 600, open: 5, high: 6, low: 4, close: 5.5, volume: 1 },
    { time: 900, open: 5.5, high: 9, low: 5, close: 8, volume: 2, history: true },
    { time: 1500, open: 8, high: 8, low: 2, close: 3 },
  ];
  assert.deepEqual(combineBars(bars, '15m'), [
    { time: 0, open: 5, high: 6, low: 4, close: 5.5, volume: 1 },
    { time: 900, open: 5.5, high: 9, low: 2, close: 3, volume: 2, history: true },
  ]);
});

test('bars loaded before are kept unless some would be missing in between', () => {
  const known = [bar(60, 1), bar(120, 2), bar(180, 3)];
  assert.deepEqual(
    joinBars([bar(120, 2), bar(180, 3), bar(240, 4)], known).map((b) => b.time),
    [60, 120, 180, 240],
  );
  assert.deepEqual(
    joinBars([bar(600, 2), bar(660, 3)], known).map((b) => b.time),
    [600, 660],
  );
});

test('the condition follows from the side of the current price', () => {
  assert.equal(conditionFor('101', '100'), 'gt');
  assert.equal(conditionFor('99', '100'), 'lt');
  assert.equal(conditionFor('100', null), 'gt');
  assert.equal(holdsAlready('gt', '99', '100'), true);
  assert.equal(holdsAlready('gt', '100', '100.0'), false);
  assert.equal(holdsAlready('lt', '101', '100'), true);
  assert.equal(holdsAlready('lt', '101', null), false);
});

test('a sparkline stays inside its cell', () => {
  assert.equal(sparkPoints([]), '');
  assert.equal(sparkPoints([bar(0, 5)], 96, 26), '0,13 96,13');
  assert.equal(sparkPoints([bar(0, 1), bar(60, 3), bar(120, 2)], 96, 26), '0.0,23.0 48.0,3.0 96.0,13.0');
  assert.equal(sparkPoints([bar(0, 1), bar(60, 1)], 96, 26), '0.0,13.0 96.0,13.0');
});
