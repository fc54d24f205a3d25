// All deliveries; opening one shows its attempts beside the list.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import {
  h,
  KeyedList,
  onFrame,
  setAttribute,
  setText,
  show,
  timeElement,
  whileBusy,
  type Row,
} from '../dom.ts';
import { formatTime, formatUntil, shortUrl, statusInWords } from '../format.ts';
import { toast } from '../toast.ts';
import type { Delivery, DeliveryStatus } from '../types.ts';
import { deliveryDetail, deliveryName } from './delivery_detail.ts';

const shownStates: [string, string, DeliveryStatus[]][] = [
  ['all', 'All', []],
  ['open', 'In progress', ['pending', 'delivering']],
  ['delivered', 'Delivered', ['delivered']],
  ['ended', 'Not delivered', ['failed', 'expired', 'cancelled']],
];

interface Recovery {
  recovered: number;
  more: boolean;
  passed_over: { retries_used_up: number; endpoint_disabled: number };
}

export function deliveriesView(context: Context, openId: string | null): View {
  const { store, api } = context;
  let states: DeliveryStatus[] = [];

  const tabs = shownStates.map(([, label, of], i) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(i === 0),
        onclick: () => {
          states = of;
          tabs.forEach((tab, j) => tab.setAttribute('aria-pressed', String(i === j)));
          render();
        },
      },
      label,
    ),
  );
  const body = h('tbody');
  const list = new KeyedList<Delivery>(
    body,
    (d) => d.id,
    (d) => deliveryRow(context, d, open),
  );
  const table = h(
    'table',
    { class: 'cards', 'aria-label': 'Deliveries' },
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        ...['Delivery', 'State', 'Attempts', 'Created'].map((c) =>
          h('th', { scope: 'col', class: c === 'Attempts' ? 'number' : null }, c),
        ),
      ),
    ),
    body,
  );
  const empty = h('div', { class: 'empty' });
  const more = h('button', { type: 'button' }, 'Show older');
  more.addEventListener('click', () => {
    void whileBusy(more, () => store.loadMoreDeliveries()).catch((e) => toast(messageOf(e), 'bad'));
  });

  const since = h(
    'select',
    { 'aria-label': 'Period' },
    ...(
      [
        ['1', 'from the last hour'],
        ['24', 'from the last day'],
        ['168', 'from the last week'],
        ['720', 'from the last 30 days'],
      ] as const
    ).map(([value, text]) => h('option', { value }, text)),
  );
  const recover = h('button', { type: 'button' }, 'Resend failed');
  recover.addEventListener('click', () => void whileBusy(recover, () => recoverFailed()));

  const detail = deliveryDetail(context, close);
  const split = h(
    'div',
    { class: 'split' },
    h('section', { class: 'panel table-panel' }, table, empty, h('div', { class: 'more' }, more)),
    detail.element,
  );
  const element = h(
    'div',
    { class: 'page' },
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'Deliveries'),
      h('div', { class: 'segmented', role: 'group', 'aria-label': 'Filter deliveries' }, ...tabs),
      h('div', { class: 'recover' }, recover, since),
    ),
    split,
  );

  async function recoverFailed(): Promise<void> {
    const from = new Date(store.now() - Number(since.value) * 3_600_000).toISOString();
    try {
      const answer = await api.post<Recovery>(
        '/api/v1/deliveries/recover',
        JSON.stringify({ since: from }),
      );
      const over = answer.passed_over.retries_used_up + answer.passed_over.endpoint_disabled;
      const left = answer.more ? ' More remain: press it again.' : '';
      const rest = over > 0 ? ` Not resent, since they were resent ten times or their URL is disabled: ${over}.` : '';
      toast(
        answer.recovered + over === 0
          ? 'No delivery failed in that time.'
          : `Resending failed deliveries: ${answer.recovered}.${rest}${left}`,
        'good',
      );
      if (answer.recovered > 0) await store.loadDeliveries();
    } catch (error) {
      toast(messageOf(error), 'bad');
    }
  }

  function open(id: string, focus = true): void {
    history.replaceState(null, '', `#/deliveries/${id}`);
    detail.open(id, focus);
    mark(id);
  }

  function close(): void {
    const id = detail.openId();
    history.replaceState(null, '', '#/deliveries');
    detail.close();
    mark(null);
    if (id !== null) list.get(id)?.element.querySelector('button')?.focus();
  }

  function mark(id: string | null): void {
    split.classList.toggle('opened', id !== null);
    for (const row of body.children) row.classList.toggle('selected', row.getAttribute('data-id') === id);
  }

  function render(): void {
    const items = store.deliveries.filter((d) => states.length === 0 || states.includes(d.status));
    list.show(items);
    mark(detail.openId());
    show(table, items.length > 0);
    show(empty, items.length === 0);
    show(more, store.deliveriesNext !== null);
    if (items.length > 0) return;
    if (!store.deliveriesLoaded) {
      empty.replaceChildren(h('p', null, 'Loading your deliveries…'));
    } else if (states.length > 0) {
      empty.replaceChildren(h('p', null, 'No deliveries in this state.'));
    } else {
      empty.replaceChildren(
        h('p', null, 'Nothing has been sent yet.'),
        h(
          'p',
          { class: 'hint' },
          'A webhook is sent when an alert fires. To see one now, send a test from an alert.',
        ),
        h('a', { class: 'button primary', href: '#/alerts' }, 'Go to alerts'),
      );
    }
  }

  const soon = onFrame(render);
  const stops = [store.on(['deliveries'], soon)];
  // The countdown to the next attempt.
  const clock = setInterval(soon, 1000);
  render();
  if (openId !== null) open(openId, false);
  return {
    element,
    openId: () => detail.openId(),
    destroy() {
      stops.forEach((stop) => stop());
      clearInterval(clock);
      detail.destroy();
    },
  };
}

function deliveryRow(context: Context, first: Delivery, open: (id: string) => void): Row<Delivery> {
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
    h('td', { 'data-label': 'State' }, state, h('div', { class: 'muted small' }, next.element)),
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
      setText(test, d.kind === 'expired' ? 'Expired' : 'Test');
      show(test, d.kind !== 'alert');
      setText(url, shortUrl(d.webhook_url));
      setAttribute(url, 'title', d.webhook_url);
      setAttribute(element, 'data-state', d.status);
      setText(state, statusInWords(d.status));
      setAttribute(state, 'data-state', d.status);
      const until = d.next_attempt_at;
      next.set(
        d.status === 'pending' && until !== null
          ? `next ${formatUntil(new Date(until).getTime() - store.now())}`
          : d.reason !== null && d.status !== 'delivered'
            ? d.reason
            : '',
        d.status === 'pending' ? until : null,
      );
      setText(
        attempts,
        d.last_status === null ? String(d.attempt_count) : `${d.attempt_count} · ${d.last_status}`,
      );
      setAttribute(attempts, 'title', d.last_status === null ? null : `Last response: ${d.last_status}`);
      created.set(formatTime(d.created_at), d.created_at);
    },
  };
}
