// What is known of an endpoint, in words (pure).
import { formatDuration, formatTime, formatUntil } from './format.ts';
import type { Delivery, Endpoint } from './types.ts';

export interface EndpointState {
  colour: 'ok' | 'failed' | 'degraded' | 'unknown';
  text: string;
}

/** Never "OK" for what has never worked. */
export function endpointState({ disabled_at, breaker, state }: Endpoint): EndpointState {
  if (disabled_at !== null) return { colour: 'failed', text: 'Disabled' };
  if (breaker.state === 'open') return { colour: 'degraded', text: 'Paused' };
  if (breaker.state === 'half_open') return { colour: 'degraded', text: 'Trying again' };
  switch (state) {
    case 'ok':
      return { colour: 'ok', text: 'OK' };
    case 'failing':
    case 'disabled':
      return { colour: 'failed', text: 'Failing' };
    case 'paused':
      return { colour: 'degraded', text: 'Paused' };
    case 'not_called':
      return { colour: 'unknown', text: 'Not called yet' };
    default:
      return breaker.failures > 0
        ? { colour: 'failed', text: 'Failing' }
        : { colour: 'unknown', text: 'Unknown' };
  }
}

/** What is to be known beside the state: why it is so, and until when. */
export function endpointReason(
  { disabled_at, reason, breaker, last_failure, state }: Endpoint,
  now: number,
): string {
  if (disabled_at !== null) return `${reason ?? 'It answered 410 Gone'}, on ${formatTime(disabled_at)}`;
  const why = breaker.reason ?? (state === 'failing' ? (last_failure?.reason ?? '') : '');
  if (breaker.state === 'closed') return why;
  const until =
    breaker.retry_at === null ? '' : `next try ${formatUntil(new Date(breaker.retry_at).getTime() - now)}`;
  return [until, why].filter((text) => text !== '').join(' · ');
}

/** "98.5 %", and never 100 % while something failed. */
export function successRate({ last_24h }: Endpoint): string {
  if (last_24h === undefined || last_24h.attempts === 0) return '—';
  const { attempts, succeeded } = last_24h;
  const percent = (100 * succeeded) / attempts;
  if (succeeded === attempts) return '100 %';
  const floor = Math.floor(percent * 10) / 10;
  return succeeded > 0 && floor < 0.1 ? '< 0.1 %' : `${floor === 0 ? '0' : floor.toFixed(1)} %`;
}

export function attemptsInWords({ last_24h }: Endpoint): string {
  if (last_24h === undefined || last_24h.attempts === 0) return 'None in the last 24 hours';
  const { attempts, succeeded } = last_24h;
  return `${succeeded} of ${attempts} in the last 24 hours`;
}

/** "84 ms · 310 ms": the median, and what 95 of 100 stay within. */
export function latencyInWords({ last_24h }: Endpoint): string {
  if (last_24h === undefined || last_24h.p50_ms === null || last_24h.p95_ms === null) return '—';
  return `${formatDuration(last_24h.p50_ms)} · ${formatDuration(last_24h.p95_ms)}`;
}

const day = 86_400_000;

/** What an older server does not say itself, from the deliveries that are known; how long they took is not among it. */
export function withFacts(endpoint: Endpoint, deliveries: readonly Delivery[], now: number): Endpoint {
  if (endpoint.state !== undefined) return endpoint;
  const called = deliveries.filter((d) => d.webhook_url === endpoint.webhook_url && d.attempt_count > 0);
  const lately = called.filter((d) => now - new Date(d.created_at).getTime() < day);
  const good = called.find((d) => d.status === 'delivered');
  const bad = called.find((d) => d.status !== 'delivered');
  return {
    ...endpoint,
    state: called.length === 0 ? 'not_called' : called[0]!.status === 'delivered' ? 'ok' : 'failing',
    last_24h: {
      attempts: lately.length,
      succeeded: lately.filter((d) => d.status === 'delivered').length,
      p50_ms: null,
      p95_ms: null,
    },
    last_success_at: good === undefined ? null : (good.finished_at ?? good.created_at),
    last_failure: bad === undefined ? null : { at: bad.finished_at ?? bad.created_at, reason: bad.reason },
  };
}
