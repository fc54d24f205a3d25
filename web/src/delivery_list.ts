// Which deliveries a list shows: by what is known here, and the request that finds the rest.
import type { Api } from './api.ts';
import { endpointId } from './route.ts';
import type { Store } from './store.ts';
import type { Delivery, DeliveryStatus } from './types.ts';

export const deliveryStates: Record<string, { label: string; of: readonly DeliveryStatus[] }> = {
  all: { label: 'All', of: [] },
  open: { label: 'In progress', of: ['pending', 'delivering'] },
  delivered: { label: 'Delivered', of: ['delivered'] },
  ended: { label: 'Not delivered', of: ['failed', 'expired', 'cancelled'] },
};

export const kinds: Record<Delivery['kind'], string> = {
  alert: 'Firings',
  test: 'Tests',
  expired: 'Expiries',
  push: 'Pushes',
};

export const codes: Record<string, string> = {
  '2xx': '2xx',
  '3xx': '3xx',
  '4xx': '4xx',
  '5xx': '5xx',
  none: 'No response',
};

export const periods: Record<string, { label: string; hours: number }> = {
  '1h': { label: 'Last hour', hours: 1 },
  '24h': { label: 'Last 24 hours', hours: 24 },
  '7d': { label: 'Last 7 days', hours: 168 },
  '30d': { label: 'Last 30 days', hours: 720 },
};

/** When one of `periods` begins, in milliseconds; null: any time. */
export function sinceOf(period: string, now: number): number | null {
  const hours = periods[period]?.hours;
  return hours === undefined ? null : now - hours * 3_600_000;
}

/** Members that are empty or null do not narrow. */
export interface DeliveryFilter {
  state: string; // of deliveryStates
  endpoint: string; // an endpointId()
  alert: string;
  kind: string;
  code: string; // of codes
  since: number | null; // in milliseconds
}

export function isNarrowed(filter: DeliveryFilter): boolean {
  return (
    (deliveryStates[filter.state]?.of.length ?? 0) > 0 ||
    filter.endpoint !== '' ||
    filter.alert !== '' ||
    filter.kind !== '' ||
    filter.code !== '' ||
    filter.since !== null
  );
}

function codeOf({ last_status, attempt_count }: Delivery): string {
  if (last_status !== null) return `${Math.floor(last_status / 100)}xx`;
  return attempt_count > 0 ? 'none' : '';
}

export function matchesDelivery(d: Delivery, filter: DeliveryFilter): boolean {
  const of = deliveryStates[filter.state]?.of ?? [];
  return (
    (of.length === 0 || of.includes(d.status)) &&
    (filter.endpoint === '' || endpointId(d.webhook_url) === filter.endpoint) &&
    (filter.alert === '' || d.alert_id === filter.alert) &&
    (filter.kind === '' || d.kind === filter.kind) &&
    (filter.code === '' || codeOf(d) === filter.code) &&
    (filter.since === null || new Date(d.created_at).getTime() >= filter.since)
  );
}

/** `url`: that of the filter's endpoint. */
export function deliveriesPath(filter: DeliveryFilter, url: string | undefined, limit = 100): string {
  const params = new URLSearchParams({ limit: String(limit) });
  const of = deliveryStates[filter.state]?.of ?? [];
  if (of.length > 0) params.set('status', of.join());
  if (url !== undefined) params.set('endpoint', url);
  if (filter.alert !== '') params.set('alert_id', filter.alert);
  if (filter.kind !== '') params.set('kind', filter.kind);
  if (filter.code !== '') params.set('code', filter.code);
  if (filter.since !== null) params.set('since', new Date(filter.since).toISOString());
  return `/api/v1/deliveries/?${params}`;
}

// A page may be empty and yet lead to a next one: the server bounds what it looks at.
const emptyPages = 5;
const nothing = '~'; // sorts behind every id

/** The pages of one request. What they hold goes to the store, which the stream keeps up to date. */
export class DeliveryPages {
  private readonly api: Api;
  private readonly store: Store;
  private next: string | null = null;
  private asked = 0;
  private reloads: number; // of the store's list, when this one was asked for
  /** Everything from this id on is known. */
  floor = nothing;
  loaded = false;

  constructor(api: Api, store: Store) {
    this.api = api;
    this.store = store;
    this.reloads = store.deliveryReloads;
  }

  /** The store's list was loaded anew since, which has dropped what only this one had asked for. */
  get isStale(): boolean {
    return this.reloads !== this.store.deliveryReloads;
  }

  get hasMore(): boolean {
    return this.next !== null;
  }

  /** Begins another request; what an earlier one answers later is dropped. */
  async load(path: string): Promise<void> {
    ++this.asked;
    this.reloads = this.store.deliveryReloads;
    this.loaded = false;
    this.floor = nothing;
    this.next = path;
    await this.more();
  }

  async more(): Promise<void> {
    const asked = this.asked;
    for (let page = 0; page < emptyPages && this.next !== null; ++page) {
      const mark = this.store.mark();
      const answer = await this.api.get<Delivery[]>(this.next);
      if (asked !== this.asked) return;
      for (const delivery of answer.body) this.store.putDelivery(delivery, mark);
      this.next = answer.next;
      this.loaded = true;
      this.floor = this.next === null ? '' : (answer.body.at(-1)?.id ?? this.floor);
      if (answer.body.length > 0) return;
    }
  }
}
