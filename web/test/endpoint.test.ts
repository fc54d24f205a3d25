import assert from 'node:assert/strict';
import test from 'node:test';
import { endpointReason, endpointState, latencyInWords, successRate } from '../src/endpoint.ts';
import type { Endpoint } from '../src/types.ts';

const endpoint = (more: Partial<Endpoint> = {}): Endpoint => ({
  webhook_url: 'https://example.com/hook',
  disabled_at: null,
  reason: null,
  breaker: { state: 'closed', failures: 0, retry_at: null, reason: null },
  state: 'ok',
  last_24h: { attempts: 0, succeeded: 0, p50_ms: null, p95_ms: null },
  last_success_at: null,
  last_failure: null,
  ...more,
});

test('only what works is OK', () => {
  const text = (more: Partial<Endpoint>): string => endpointState(endpoint(more)).text;
  const breaker = (state: 'open' | 'half_open') => ({ state, failures: 5, retry_at: null, reason: null });
  assert.equal(text({}), 'OK');
  assert.equal(text({ state: 'not_called' }), 'Not called yet');
  assert.equal(text({ state: 'failing' }), 'Failing');
  assert.equal(text({ breaker: breaker('open') }), 'Paused');
  assert.equal(text({ breaker: breaker('half_open') }), 'Trying again');
  assert.equal(text({ disabled_at: '2026-01-01T00:00:00Z' }), 'Disabled');
});

test('the reason of a pause has a countdown', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const retry_at = '2026-01-01T00:00:42Z';
  const paused = endpoint({
    state: 'paused',
    breaker: { state: 'open', failures: 5, retry_at, reason: 'no answer within 5 s' },
  });
  assert.equal(endpointReason(paused, now), 'next try in 42 s · no answer within 5 s');
  const failing = endpoint({ state: 'failing', last_failure: { at: retry_at, reason: 'the receiver answered 503' } });
  assert.equal(endpointReason(failing, now), 'the receiver answered 503');
  assert.equal(endpointReason({ ...failing, state: 'ok' }, now), '');
});

test('a rate is rounded down: 100 % only where nothing failed', () => {
  const rate = (succeeded: number, attempts: number): string =>
    successRate(endpoint({ last_24h: { attempts, succeeded, p50_ms: null, p95_ms: null } }));
  assert.equal(rate(0, 0), '—');
  assert.equal(rate(12, 12), '100 %');
  assert.equal(rate(99_999, 100_000), '99.9 %');
  assert.equal(rate(1, 100_000), '< 0.1 %');
  assert.equal(rate(0, 5), '0 %');
});

test('latency is the median and the 95th percentile', () => {
  assert.equal(latencyInWords(endpoint()), '—');
  const last_24h = { attempts: 2, succeeded: 2, p50_ms: 84, p95_ms: 1310 };
  assert.equal(latencyInWords(endpoint({ last_24h })), '84 ms · 1.31 s');
});
