// The same moments in zones on both sides of Greenwich.
import assert from 'node:assert/strict';
import test from 'node:test';
import { formatBarTime, formatUtcDay } from '../src/format.ts';

for (const [zone, clock] of [
  ['America/Los_Angeles', '1 Jan 17:30'],
  ['UTC', '2 Jan 01:30'],
  ['Pacific/Kiritimati', '2 Jan 15:30'],
] as const) {
  test(`a daily bar is a day of UTC, in ${zone}`, () => {
    process.env['TZ'] = zone;
    const day = Date.UTC(2025, 0, 2) / 1000;
    assert.equal(formatBarTime(day, '1d'), '2 Jan 2025 UTC');
    assert.equal(formatUtcDay(new Date(day * 1000)), '2 Jan');
    assert.equal(formatBarTime(day + 90 * 60, '1h'), clock);
  });
}
