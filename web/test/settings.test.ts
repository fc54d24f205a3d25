import assert from 'node:assert/strict';
import test from 'node:test';
import { groupDigits } from '../src/decimal.ts';
import {
  fieldOfTime,
  formatClock,
  formatDay,
  formatMoment,
  formatPercent,
  formatTime,
  nextMorning,
  timeOfField,
  zoneInWords,
  zoneOffset,
} from '../src/format.ts';
import { marksOf, read, settings } from '../src/settings.ts';

test('settings that are damaged or unknown are as by default', () => {
  const usual = { theme: 'system', zone: '', numbers: 'point', sound: false };
  for (const kept of [
    null,
    '',
    '{',
    'null',
    '[]',
    '{"theme":"pink","zone":"Moon/Base","numbers":"toString","sound":1}',
  ])
    assert.deepEqual(read(kept), usual, String(kept));
  const chosen = { theme: 'dark', zone: 'Asia/Kolkata', numbers: 'comma', sound: true };
  assert.deepEqual(read(JSON.stringify(chosen)), chosen);
});

test('numbers are written as chosen', () => {
  settings.change({ numbers: 'comma' });
  assert.equal(groupDigits('-1234567.125'), '−1.234.567,125');
  assert.equal(formatPercent(1.244), '+1,24 %');
  settings.change({ numbers: 'space' });
  assert.equal(groupDigits('65420.15'), '65\u202f420,15');
  settings.change({ numbers: 'point' });
  assert.equal(groupDigits('65420.15'), '65,420.15');
  assert.deepEqual(marksOf('en'), { group: ',', decimal: '.' });
  assert.deepEqual(marksOf('de'), { group: '.', decimal: ',' });
  assert.equal(marksOf('es').group, '.', 'also of four digits');
});

test('what rounds to nothing has no sign', () => {
  assert.equal(formatPercent(0.0001), '0.00 %');
  assert.equal(formatPercent(-0.0004), '0.00 %');
  assert.equal(formatPercent(0.0006), '+0.001 %');
});

test('times are in the chosen zone, on both sides of a change of clocks', () => {
  const told: string[] = [];
  const stop = settings.onChange(() => told.push(settings.now.zone));
  settings.change({ zone: 'America/New_York' });
  const winter = new Date('2026-11-01T06:30:00Z');
  const summer = new Date('2026-11-01T05:30:00Z');
  assert.deepEqual(
    [summer, winter].map((date) => formatClock(date)),
    ['01:30:00', '01:30:00'],
  );
  assert.deepEqual(
    [summer, winter].map((date) => zoneInWords(date)),
    ['UTC−4', 'UTC−5'],
  );
  assert.equal(formatDay(new Date('2026-11-29T02:00:00Z')), '28 Nov');
  assert.equal(formatMoment('2026-11-29T02:00:00Z'), '28 Nov 2026, 21:00:00 UTC−5');
  assert.equal(formatTime('2026-11-29T02:00:00Z', new Date('2026-11-29T04:59:00Z')), '21:00:00');
  assert.equal(formatTime('2026-11-29T02:00:00Z', new Date('2026-11-29T05:01:00Z')), '28 Nov, 21:00:00');
  settings.change({ zone: 'Asia/Kolkata' });
  assert.equal(zoneOffset(winter), 5.5 * 3600);
  assert.equal(zoneInWords(winter), 'UTC+5:30');
  settings.change({ zone: 'UTC' });
  assert.equal(zoneInWords(winter), 'UTC');
  stop();
  settings.change({ zone: '' });
  assert.deepEqual(told, ['America/New_York', 'Asia/Kolkata', 'UTC']);
});

test('a time is entered in the chosen zone, on both sides of a change of clocks', () => {
  for (const [zone, entered, time] of [
    ['Asia/Tokyo', '2026-12-01T00:15', '2026-11-30T15:15:00.000Z'],
    ['America/New_York', '2026-11-01T00:30', '2026-11-01T04:30:00.000Z'],
    ['America/New_York', '2026-11-01T03:30', '2026-11-01T08:30:00.000Z'],
    ['America/New_York', '2026-03-08T01:59', '2026-03-08T06:59:00.000Z'],
    ['America/New_York', '2026-03-08T03:00', '2026-03-08T07:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-01-01T00:00', '2025-12-31T10:00:00.000Z'],
  ] as const) {
    settings.change({ zone });
    assert.equal(timeOfField(entered), time);
    assert.equal(fieldOfTime(time), entered);
  }
  settings.change({ zone: 'America/New_York' });
  const evening = Date.parse('2026-11-01T02:00:00Z'); // the day before, there
  assert.equal(nextMorning(evening).toISOString(), '2026-11-01T13:00:00.000Z');
  settings.change({ zone: '' });
  assert.deepEqual([timeOfField(''), fieldOfTime(null)], [null, '']);
});
