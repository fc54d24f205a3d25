// A row of a list of deliveries.
import type { Context } from '../context.ts';
import { h, setAttribute, setText, show, tableHead, timeElement, type Row } from '../dom.ts';
import { formatTime, formatUntil, shortUrl, statusInWords } from '../format.ts';
import type { Delivery } from '../types.ts';
import { deliveryName } from './delivery_detail.ts';

export interface DeliveryState {
  name: string; // for the badge's colour
  text: string;
}

/** One that has failed and will be tried again is not like one that was never tried. */
export function stateOf(d: Delivery): DeliveryState {
  if (d.status !== 'pending' || d.attempt_count === 0)
    return { name: d.status, text: statusInWords(d.status) };
  return { name: 'retrying', text: `Retrying ${d.attempt_count} of ${d.attempts_allowed}` };
}

/** "next in 13 s · no answer within 5s". */
function stateDetail(d: Delivery, now: number): string {
  if (d.status === 'delivered') return '';
  const next =
    d.status === 'pending' && d.next_attempt_at !== null
      ? `next ${formatUntil(new Date(d.next_attempt_at).getTime() - now)}`
      : '';
  return [next, d.reason ?? ''].filter((text) => text !== '').join(' · ');
}

export function deliveryRow(context: Context, first: Delivery, open: (id: string) => void): Row<Delivery> {
  const { store } = context;
  const name = h('span', { class: 'target' });
  const url = h('div', { class: 'url muted small' });
  const state = h('span', { class: 'badge' });
  const next = timeElement();
  const attempts = h('td', { class: 'number', 'data-label': 'Attempts' });
  const created = timeElement();
  const test = h('span', { class: 'badge' }, 'Test');
  const button = h('button', { type: 'button', class: 'row-button', onclick: () => open(first.id) }, name);
  const element = h(
    'tr',
    { class: 'clickable', 'data-testid': 'delivery-row', 'data-id': first.id },
    h('th', { scope: 'row' }, h('div', { class: 'delivery-name' }, button, test), url),
    h(
      'td',
      { class: 'state-column', 'data-label': 'State' },
      state,
      h('div', { class: 'muted small' }, next.element),
    ),
    attempts,
    h('td', { 'data-label': 'Created' }, created.element),
  );
  element.addEventListener('click', (e) => {
    if (!(e.target as Element).closest('button')) open(first.id);
  });
  return {
    element,
    update(d) {
      const alert = store.alert(d.alert_id);
      setText(name, deliveryName(d, alert));
      setText(test, { alert: '', test: 'Test', expired: 'Expired', push: 'Push' }[d.kind]);
      show(test, d.kind !== 'alert');
      setText(url, d.device?.label ?? shortUrl(d.webhook_url));
      setAttribute(url, 'title', d.webhook_url);
      setAttribute(element, 'data-state', d.status);
      const { name: colour, text } = stateOf(d);
      setText(state, text);
      setAttribute(state, 'data-state', colour);
      setAttribute(state, 'title', colour === 'retrying' ? `${d.attempt_count} attempts have failed` : null);
      next.set(stateDetail(d, store.now()), d.status === 'pending' ? d.next_attempt_at : null);
      setText(
        attempts,
        d.last_status === null ? String(d.attempt_count) : `${d.attempt_count} · ${d.last_status}`,
      );
      setAttribute(attempts, 'title', d.last_status === null ? null : `Last response: ${d.last_status}`);
      created.set(formatTime(d.created_at), d.created_at);
    },
  };
}

export function deliveryTable(label: string, body: HTMLElement): HTMLTableElement {
  return h(
    'table',
    { class: 'cards', 'aria-label': label },
    tableHead('Delivery', 'State', ['Attempts', { class: 'number' }], 'Created'),
    body,
  );
}
