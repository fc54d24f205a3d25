// What is known of an endpoint, in words (pure).
import { formatDuration, formatTime, formatUntil } from './format.ts';
import type { Endpoint } from './types.ts';

export interface EndpointState {
  colour: 'ok' | 'failed' | 'degraded' | 'unknown';
  text: string;
}

/** Never "OK" for what has never worked. */
export function endpointState({ disabled_at, breaker, state }: Endpoint): EndpointState {
  if (disabled_at !== null) return { colour: 'failed', text: 'Disabled' };
  if (breaker.state === 'open') return { colour: 'degraded', text: 'Paused' };
  if (breaker.state === 'half_open') return { colour: 'degraded', text: 'Trying again' };
  return states[state];
}

const states: Record<Endpoint['state'], EndpointState> = {
  ok: { colour: 'ok', text: 'OK' },
  failing: { colour: 'failed', text: 'Failing' },
  paused: { colour: 'degraded', text: 'Paused' },
  not_called: { colour: 'unknown', text: 'Not called yet' },
};

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
  if (last_24h.attempts === 0) return '—';
  const { attempts, succeeded } = last_24h;
  const percent = (100 * succeeded) / attempts;
  if (succeeded === attempts) return '100 %';
  const floor = Math.floor(percent * 10) / 10;
  return succeeded > 0 && floor < 0.1 ? '< 0.1 %' : `${floor === 0 ? '0' : floor.toFixed(1)} %`;
}

export function attemptsInWords({ last_24h }: Endpoint): string {
  if (last_24h.attempts === 0) return 'None in the last 24 hours';
  const { attempts, succeeded } = last_24h;
  return `${succeeded} of ${attempts} in the last 24 hours`;
}

/** "84 ms · 310 ms": the median, and what 95 of 100 stay within. */
export function latencyInWords({ last_24h }: Endpoint): string {
  if (last_24h.p50_ms === null || last_24h.p95_ms === null) return '—';
  return `${formatDuration(last_24h.p50_ms)} · ${formatDuration(last_24h.p95_ms)}`;
}
