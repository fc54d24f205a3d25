// What can be done with an endpoint from any view.
import { formatOfUrl } from './alert_body.ts';
import { messageOf } from './api.ts';
import type { Context } from './context.ts';
import { shortUrl } from './format.ts';
import { toast } from './toast.ts';
import type { Delivery, Endpoint } from './types.ts';

/** All of them, over all pages. */
export async function loadEndpoints({ api }: Context): Promise<Endpoint[]> {
  const out: Endpoint[] = [];
  let path: string | null = '/api/v1/endpoints/?limit=1000';
  for (let page = 0; page < 10 && path !== null; ++page) {
    const answer: { body: Endpoint[]; next: string | null } = await api.get<Endpoint[]>(path);
    out.push(...answer.body);
    path = answer.next;
  }
  return out;
}

export async function enableEndpoint({ api, store }: Context, url: string): Promise<void> {
  await api.post('/api/v1/endpoints/enable', JSON.stringify({ webhook_url: url }));
  toast(`${shortUrl(url)} is enabled again.`, 'good');
  await store.loadAlerts().catch((e) => toast(messageOf(e), 'bad'));
}

/** Says that a test is on its way; `query`: what the list that "View" leads to is narrowed to. */
export function tellTest({ id, webhook_url }: Delivery, query = ''): void {
  toast(`A test webhook is on its way to ${shortUrl(webhook_url)}.`, 'good', {
    label: 'View',
    run: () => (location.hash = `#/deliveries/${id}${query}`),
  });
}

/**
 * One signed test: that of an alert with this URL, or of none; `how`: its format and body, if they are to be others than
 * those that suit the URL. Throws where it is refused.
 */
export async function testUrl({ api, store }: Context, url: string, how?: object): Promise<Delivery> {
  const mark = store.mark();
  const alert = store.alerts.find((each) => each.webhook_url === url);
  const body = JSON.stringify({ webhook_url: url, format: formatOfUrl(url), ...how });
  const delivery =
    alert !== undefined && how === undefined
      ? await api.post<Delivery>(`/api/v1/alerts/${alert.id}/test`)
      : await api.post<Delivery>('/api/v1/endpoints/test', body);
  store.putDelivery(delivery, mark);
  return delivery;
}
