import assert from 'node:assert/strict';
import test from 'node:test';
import { covered, placeToast, type Box } from '../src/toast_place.ts';

const screen: Box = { left: 0, top: 0, width: 1000, height: 700 };
const size = { width: 360, height: 60 };
const bar: Box = { left: 0, top: 0, width: 1000, height: 52 };

test('a message is at the top right if nothing is there', () => {
  const place = placeToast(size, screen, [bar]);
  assert.equal(place.left + place.width, 992);
  assert.ok(place.top >= 52 && place.top < 80, String(place.top));
});

test('a message covers no control, wherever there is room for it', () => {
  const side: Box = { left: 600, top: 60, width: 400, height: 640 };
  const row = (top: number): Box => ({ left: 0, top, width: 600, height: 30 });
  const obstacles = [bar, side, row(60), row(130), row(190), row(400)];
  const place = placeToast(size, screen, obstacles);
  assert.equal(covered(place, obstacles), 0);
  assert.ok(place.top > 220 && place.top < 260, 'the first gap that is high enough');
});

test('without room it covers as little as it can, within the screen', () => {
  const narrow: Box = { left: 0, top: 0, width: 360, height: 640 };
  const obstacles = [
    { left: 0, top: 0, width: 360, height: 400 },
    { left: 0, top: 420, width: 20, height: 220 },
  ];
  const place = placeToast({ width: 336, height: 60 }, narrow, obstacles);
  assert.ok(
    place.left >= 8 && place.left + place.width <= 352 && place.top >= 400 && place.top + place.height <= 640,
  );
  const full = placeToast({ width: 336, height: 60 }, narrow, [narrow]);
  assert.ok(full.left >= 8 && full.top >= 8);
});

test('what is outside the screen is no obstacle', () => {
  assert.equal(placeToast(size, screen, [{ left: 0, top: -500, width: 1000, height: 400 }]).top, 8);
});
