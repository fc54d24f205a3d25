import assert from 'node:assert/strict';
import test from 'node:test';
import { groupDigits } from '../src/decimal.ts';
import * as format from '../src/format.ts';
import type { Alert } from '../src/types.ts';

test('ages grow from tenths of a second to days', () => {
  const ages: [number, string][] = [
    [-50, '0.0 s'],
    [412, '0.4 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [3_599_000, '1 h'],
    [86_400_000, '1 d'],
  ];
  for (const [milliseconds, text] of ages) assert.equal(format.formatAge(milliseconds), text);
  assert.equal(format.formatUntil(-5), 'now');
  assert.equal(format.formatUntil(12_000), 'in 12 s');
  assert.equal(format.formatUntil(2_300), 'in 2 s');
});

test('small distances keep enough digits to differ from zero', () => {
  assert.equal(format.formatDistance('65420.15', '65421'), '+0.001 %');
  assert.equal(format.formatDistance('100', '99.5'), '−0.50 %');
  assert.equal(format.formatDistance('100', '100'), '0.00 %');
  assert.equal(format.formatDistance('1', '3'), '+200 %');
});

test('a time shows its day only if that is not today', () => {
  const now = new Date(2025, 0, 2, 15, 0, 0);
  assert.equal(format.formatTime(new Date(2025, 0, 2, 3, 4, 5).toISOString(), now), '03:04:05');
  assert.equal(format.formatTime(new Date(2025, 0, 1, 3, 4, 5).toISOString(), now), '1 Jan, 03:04:05');
  assert.equal(
    format.formatTime(new Date(2024, 11, 31, 3, 4, 5).toISOString(), now),
    '31 Dec 2024, 03:04:05',
  );
  assert.equal(format.formatTime('no time', now), 'no time');
});

test('every reason of the server has a text', () => {
  for (const reason of ['counted', 'check_only', 'stale', 'disputed', 'outlier', 'unconfirmed']) {
    assert.doesNotMatch(format.reasonInWords(reason), /_/);
  }
  assert.equal(format.reasonInWords('something_new'), 'Left out: something new');
});

test('every state of a source has a text', () => {
  assert.equal(format.stateInWords('unavailable_here'), 'Not available from here');
  assert.equal(format.stateInWords('maintenance'), 'In maintenance');
  assert.equal(format.stateInWords('polling_fallback'), 'Polling instead');
  assert.equal(
    format.stateInWords('polling_fallback', 'polling_fallback: its stream: in maintenance: until 10:00'),
    'In maintenance, polling',
  );
  assert.equal(format.stateInWords('disabled'), 'Switched off');
  assert.equal(format.stateInWords('streaming'), 'Streaming');
  assert.equal(format.stateInWords('brand_new'), 'Brand new');
});

test('a price says how far its sources are apart and how many agree', () => {
  const price = { price: '100', time: '' };
  assert.equal(
    format.precisionInWords({ ...price, band: { low: '99.5', high: '100.25' }, agreeing: 9 }),
    '±0.50 % · 9 sources',
  );
  assert.equal(format.precisionInWords({ ...price, band: { low: '100', high: '100' }, agreeing: 1 }), '±0.00 % · 1 source');
  assert.equal(format.precisionInWords(price), '', 'a feed of an older version');
});

test('durations and titles', () => {
  assert.equal(format.formatDuration(0.4), '< 1 ms');
  assert.equal(format.formatDuration(116.4), '116 ms');
  assert.equal(format.formatDuration(2310), '2.31 s');
  assert.equal(
    format.alertTitle({ ticker: 'BTC', condition: 'gt', target_price: '70000' }),
    'BTC above 70000',
  );
  assert.equal(format.shortUrl('https://a.example/b'), 'a.example/b');
});

test('a late firing says when it happened, and that nobody watched', () => {
  const alert = { triggered_price: '70001', late: true, occurred_at: '2020-01-02T03:04:05Z' } as Alert;
  assert.match(format.firedInWords(alert, groupDigits), /^The price was 70,001 at 2 Jan 2020, \d\d:04:05, unwatched\.$/);
  const { occurred_at: _, ...rest } = alert;
  const between = { ...rest, occurred_between: ['2020-01-02T03:04:00Z', '2020-01-02T03:05:00Z'] } as Alert;
  assert.match(format.occurredInWords(between), /^between 2 Jan 2020, \d\d:04:00 and 2 Jan 2020, \d\d:05:00$/);
  assert.equal(format.firedInWords({ triggered_price: '70001' } as Alert, groupDigits), 'The price is 70,001.');
  assert.equal(format.firedInWords({ triggered_price: null } as Alert, groupDigits), '');
});
