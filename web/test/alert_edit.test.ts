import assert from 'node:assert/strict';
import test from 'node:test';
import { copyOf, isUnchanged, patchOf } from '../src/alert_edit.ts';
import type { Alert } from '../src/types.ts';

const alert: Alert = {
  id: '0193',
  ticker: 'BTC',
  target_price: '70000.123456789012345',
  condition: 'gt',
  webhook_url: 'https://example.com/hook',
  is_active: false,
  created_at: '2026-01-01T00:00:00Z',
  triggered_at: null,
  triggered_price: null,
  format: 'template',
  template: { body: '{{ticker}}' },
  note: 'kept',
  deliver_within: '5m',
  repeat: { cooldown: '15m', rearm: '0%', times: null },
};

test('a change has what was edited, with the digits entered', () => {
  assert.ok(isUnchanged({}));
  assert.equal(patchOf({ target_price: '71000.123456789012345' }), '{"target_price":71000.123456789012345}');
  assert.equal(patchOf({ note: '' }), '{"note":null}');
  assert.equal(patchOf({ repeat: null, note: 'new' }), '{"repeat":null,"note":"new"}');
  const when = { is: 'above', level: { from: '70000.50', by: '5%' } };
  assert.equal(patchOf({ when }), '{"when":{"is":"above","level":{"from":70000.50,"by":"5%"}}}');
});

test('a copy is the alert with the edits', () => {
  const of = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
  const same = of(copyOf(alert, {}, 0));
  assert.deepEqual(
    [
      same['condition'],
      same['format'],
      same['template'],
      same['note'],
      same['deliver_within'],
      same['repeat'],
    ],
    ['gt', 'template', { body: '{{ticker}}' }, 'kept', '5m', alert.repeat],
  );
  assert.ok(copyOf(alert, {}, 0).includes('"target_price":70000.123456789012345'));
  const other = of(copyOf(alert, { format: 'json', note: '', repeat: null, target_price: '1' }, 0));
  assert.deepEqual(
    [other['target_price'], other['format'], 'template' in other, 'note' in other, 'repeat' in other],
    [1, 'json', false, false, false],
  );
});
