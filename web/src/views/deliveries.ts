// All deliveries, narrowed by what they are; opening one shows its attempts beside the list.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import {
  codes,
  deliveriesPath,
  DeliveryPages,
  deliveryStates,
  isNarrowed,
  kinds,
  matchesDelivery,
  periods,
  sinceOf,
  type DeliveryFilter,
} from '../delivery_list.ts';
import { h, KeyedList, onFrame, setAttribute, setText, show, whileBusy } from '../dom.ts';
import { alertTitle, shortUrl } from '../format.ts';
import { groupDigits } from '../decimal.ts';
import { endpointId, Query } from '../route.ts';
import { toast } from '../toast.ts';
import type { Delivery } from '../types.ts';
import { deliveryDetail } from './delivery_detail.ts';
import { deliveryRow, deliveryTable } from './delivery_row.ts';
import { choice, segmented, setOptions } from './filters.ts';
import { replayDialog } from './replay.ts';

export function deliveriesView(context: Context, openId: string | null, text: string): View {
  const { store, api } = context;
  const query = new Query('deliveries', text);
  const pages = new DeliveryPages(api, store);
  // Set when the list was last asked for, so that it does not move on by itself.
  let since: number | null = null;

  const narrow = (name: string, value: string): void => {
    query.set(name, value);
    // The item that is open stays so.
    if (detail.openId() !== null) history.replaceState(null, '', query.hash(detail.openId()));
    ask();
  };
  const tabs = segmented(
    'Filter deliveries',
    Object.entries(deliveryStates).map(([name, { label }]) => [name, label] as const),
    query.get('state') || 'all',
    (state) => narrow('state', state === 'all' ? '' : state),
  );
  const endpoint = choice('Endpoint', (value) => narrow('endpoint', value));
  const kind = choice('Kind', (value) => narrow('kind', value));
  const code = choice('Response', (value) => narrow('code', value));
  const period = choice('Period', (value) => narrow('period', value));
  const named = (of: Record<string, string>): [string, string][] => Object.entries(of);
  setOptions(kind, [['', 'All kinds'], ...named(kinds)], query.get('kind'));
  setOptions(code, [['', 'Any response'], ...named(codes)], query.get('code'));
  setOptions(
    period,
    [['', 'Any time'], ...Object.entries(periods).map(([value, { label }]) => [value, label] as const)],
    query.get('period'),
  );
  const alert = h('button', { type: 'button', class: 'chip', 'aria-label': 'Show deliveries of all alerts' });
  alert.addEventListener('click', () => narrow('alert', ''));

  const body = h('tbody');
  const list = new KeyedList<Delivery>(
    body,
    (d) => d.id,
    (d) => deliveryRow(context, d, open),
  );
  const table = deliveryTable('Deliveries', body);
  const empty = h('div', { class: 'empty' });
  const more = h('button', { type: 'button' }, 'Show older');
  more.addEventListener('click', () => {
    void whileBusy(more, () =>
      (narrowed() ? pages.more() : store.loadMoreDeliveries()).finally(render),
    ).catch((e) => toast(messageOf(e), 'bad'));
  });
  const replay = h('button', { type: 'button' }, 'Send failed again…');
  replay.addEventListener('click', () => replayDialog(context, urls(), urlOf(query.get('endpoint'))));

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
      tabs.element,
      h('div', { class: 'filters' }, endpoint.element, kind.element, code.element, period.element, alert),
      h('div', { class: 'recover' }, replay),
    ),
    split,
  );

  function filter(): DeliveryFilter {
    return {
      state: tabs.value(),
      endpoint: query.get('endpoint'),
      alert: query.get('alert'),
      kind: query.get('kind'),
      code: query.get('code'),
      since,
    };
  }
  const narrowed = (): boolean => isNarrowed(filter());

  /** The URLs that are known here, of alerts and deliveries. */
  function urls(): string[] {
    return [
      ...new Set(
        [...store.alerts, ...store.deliveries.filter((d) => d.device === undefined)].map(
          (each) => each.webhook_url,
        ),
      ),
    ].sort();
  }
  function urlOf(id: string): string | undefined {
    return id === '' ? undefined : urls().find((url) => endpointId(url) === id);
  }

  function ask(): void {
    since = sinceOf(query.get('period'), store.now());
    if (narrowed())
      void pages
        .load(deliveriesPath(filter(), urlOf(query.get('endpoint'))))
        .catch((e) => toast(messageOf(e), 'bad'))
        .finally(render);
    render();
  }

  function open(id: string, focus = true): void {
    history.replaceState(null, '', query.hash(id));
    detail.open(id, focus);
    mark(id);
  }

  function close(): void {
    const id = detail.openId();
    history.replaceState(null, '', query.hash());
    detail.close();
    mark(null);
    if (id !== null) list.get(id)?.element.querySelector('button')?.focus();
  }

  function mark(id: string | null): void {
    split.classList.toggle('opened', id !== null);
    for (const row of body.children) row.classList.toggle('selected', row.getAttribute('data-id') === id);
  }

  function renderFilters(): void {
    const known = urls().map((url) => [endpointId(url), shortUrl(url)] as [string, string]);
    const of = query.get('endpoint');
    if (of !== '' && !known.some(([id]) => id === of)) known.push([of, 'One endpoint']);
    setOptions(endpoint, [['', 'All endpoints'], ...known], of);
    const one = store.alert(query.get('alert'));
    show(alert, query.get('alert') !== '');
    setText(alert, `${one === undefined ? 'One alert' : alertTitle(one, groupDigits)} ×`);
    setAttribute(alert, 'title', 'Show deliveries of all alerts');
  }

  function render(): void {
    renderFilters();
    const now = filter();
    const isNarrow = isNarrowed(now);
    const floor = isNarrow ? pages.floor : store.deliveriesFloor;
    const items = store.deliveries.filter((d) => d.id >= floor && matchesDelivery(d, now));
    list.show(items);
    mark(detail.openId());
    show(table, items.length > 0);
    show(empty, items.length === 0);
    show(more, isNarrow ? pages.hasMore && pages.loaded : store.deliveriesNext !== null);
    if (items.length > 0) return;
    if (isNarrow ? !pages.loaded : !store.deliveriesLoaded) {
      empty.replaceChildren(h('p', null, 'Loading your deliveries…'));
    } else if (isNarrow) {
      empty.replaceChildren(
        h('p', null, 'No delivery matches.'),
        h('a', { class: 'button', href: '#/deliveries' }, 'Show all deliveries'),
      );
    } else {
      empty.replaceChildren(
        h('p', null, 'Nothing has been sent yet.'),
        h(
          'p',
          { class: 'hint' },
          'A webhook is sent when an alert fires. To see one now, send a test from an alert or from First steps.',
        ),
        h('a', { class: 'button primary', href: '#/alerts' }, 'Go to alerts'),
        h('a', { href: '#/start' }, 'First steps'),
      );
    }
  }

  const soon = onFrame(() => {
    if (narrowed() && pages.isStale) ask();
    else render();
  });
  const stops = [store.on(['deliveries', 'alerts'], soon)];
  // The countdown to the next attempt.
  const clock = setInterval(soon, 1000);
  ask();
  if (openId !== null) open(openId, false);
  return {
    element,
    openId: () => detail.openId(),
    query: () => query.text,
    destroy() {
      stops.forEach((stop) => stop());
      clearInterval(clock);
      detail.destroy();
    },
  };
}
