import assert from 'node:assert/strict';
import test from 'node:test';
import { matchesAlert, orderAlerts, type AlertFilter } from '../src/alert_list.ts';
import { endpointId } from '../src/route.ts';
import type { Alert } from '../src/types.ts';

const all: AlertFilter = { state: 'all', ticker: '', endpoint: '', text: '' };

const alert = (more: Partial<Alert> = {}): Alert => ({
  id: '1',
  ticker: 'BTC',
  target_price: '70000',
  condition: 'gt',
  webhook_url: 'https://example.com/hook',
  is_active: true,
  created_at: '2026-01-01T00:00:00Z',
  triggered_at: null,
  triggered_price: null,
  format: 'json',
  note: 'Sell half',
  deliver_within: '24h',
  ...more,
});

test('every word is looked for in the sentence, the note and the URL', () => {
  const found = (text: string): boolean => matchesAlert(alert(), { ...all, text });
  for (const text of ['', 'btc', 'sell', 'BTC 70000', 'half above', '70,000', 'example.com'])
    assert.ok(found(text), text);
  for (const text of ['eth', 'btc eth', '71000']) assert.ok(!found(text), text);
  assert.ok(matchesAlert(alert({ says: 'BTC rises above 70,000' }), { ...all, text: '70000' }));
  const id = '01a22af0-777d-7000-9a1d-3dadb9a71959';
  assert.ok(matchesAlert(alert({ id }), { ...all, text: id }));
  assert.ok(!matchesAlert(alert({ id }), { ...all, text: '777' }), 'as part of a price or note alone');
});

test('a state, a ticker and an endpoint narrow', () => {
  const fired = alert({ is_active: false });
  const paused = alert({ is_active: false, status: 'paused' });
  const expired = alert({ is_active: false, status: 'expired' });
  const states = (a: Alert): string[] =>
    (['active', 'paused', 'fired', 'expired'] as const).filter((state) => matchesAlert(a, { ...all, state }));
  assert.deepEqual([alert(), fired, paused, expired].map(states), [
    ['active'],
    ['fired'],
    ['paused'],
    ['expired'],
  ]);
  assert.ok(!matchesAlert(alert(), { ...all, ticker: 'ETH' }));
  assert.ok(matchesAlert(alert(), { ...all, endpoint: endpointId('https://example.com/hook') }));
  assert.ok(!matchesAlert(alert(), { ...all, endpoint: endpointId('https://example.com/') }));
});

test('the nearest come first, and those without a distance last', () => {
  const alerts = [
    alert({ id: '5', target_price: '90000' }),
    alert({ id: '4', is_active: false }),
    alert({ id: '3', target_price: '69000', condition: 'lt' }),
    alert({ id: '2', ticker: 'ETH' }),
    alert({ id: '1', target_price: '70500' }),
  ];
  const ids = (order: 'newest' | 'nearest' | 'ticker'): string =>
    orderAlerts(alerts, order, (ticker) => (ticker === 'BTC' ? '70000' : null))
      .map((a) => a.id)
      .join('');
  assert.equal(ids('nearest'), '13542');
  assert.equal(ids('newest'), '54321');
  assert.equal(ids('ticker'), '54312');
});

test('the last that fired comes first', () => {
  const alerts = [
    alert({ id: '3' }),
    alert({ id: '2', triggered_at: '2026-01-02T00:00:00Z' }),
    alert({ id: '1', triggered_at: '2026-01-03T00:00:00Z' }),
  ];
  assert.equal(
    orderAlerts(alerts, 'fired', () => null)
      .map((a) => a.id)
      .join(''),
    '123',
  );
});
