// One endpoint: how it does, its deliveries and alerts, and what can be done with it.
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { copyButton } from '../copy.ts';
import { groupDigits } from '../decimal.ts';
import { deliveriesPath, DeliveryPages, matchesDelivery, type DeliveryFilter } from '../delivery_list.ts';
import { h, KeyedList, setAttribute, setText, show, timeElement, whileBusy, type Row } from '../dom.ts';
import { attemptsInWords, endpointReason, endpointState, latencyInWords, successRate } from '../endpoint.ts';
import { enableEndpoint, tellTest, testUrl } from '../endpoint_actions.ts';
import { errorRegion } from '../field.ts';
import {
  alertState,
  alertStatusInWords,
  alertTitle,
  formatTime,
  shortUrl,
  statusInWords,
} from '../format.ts';
import { endpointId } from '../route.ts';
import type { Alert, Delivery, Endpoint } from '../types.ts';
import { alertDialog } from './alert_dialog.ts';
import { deliveryRow, deliveryTable } from './delivery_row.ts';
import type { EndpointPart } from './endpoints.ts';
import { replayDialog } from './replay.ts';
import { samples } from './samples_panel.ts';

const shownDeliveries = 12;
const shownTicks = 60;
const shownAlerts = 20;

export function endpointPage(context: Context, id: string, reload: () => Promise<void>): EndpointPart {
  const { store, api } = context;
  let url: string | null = null;
  const filter: DeliveryFilter = { state: 'all', endpoint: id, alert: '', kind: '', code: '', since: null };
  const pages = new DeliveryPages(api, store);

  const heading = h('h1', { tabindex: '-1' }, 'Endpoint');
  const state = h('span', { class: 'badge' });
  const reason = h('p', { class: 'muted', role: 'status' });
  const copyUrl = copyButton('Copy URL', () => url ?? '');
  const test = h('button', { type: 'button', class: 'primary' }, 'Send test');
  const replay = h('button', { type: 'button' }, 'Send failed again…');
  const enable = h('button', { type: 'button' }, 'Enable');
  const error = errorRegion();
  test.addEventListener('click', () => void whileBusy(test, sendTest));
  replay.addEventListener('click', () => url !== null && replayDialog(context, [url], url));
  enable.addEventListener('click', () => void whileBusy(enable, enableIt));

  const rate = stat('Success, 24 h');
  const latency = stat('p50 · p95');
  const success = stat('Last success');
  const failure = stat('Last failure');
  const stats = h('dl', { class: 'stats' }, ...[rate, latency, success, failure].map((each) => each.element));

  // The newest at the right, as on a chart.
  const ticks = h('div', { class: 'ticks', role: 'img' });
  const body = h('tbody');
  const list = new KeyedList<Delivery>(
    body,
    (d) => d.id,
    (d) => deliveryRow(context, d, (one) => (location.hash = `#/deliveries/${one}?endpoint=${id}`)),
  );
  const table = deliveryTable('Latest deliveries', body);
  const none = h('p', { class: 'hint' });
  const alertBody = h('ul', { class: 'endpoint-alerts' });
  const alerts = new KeyedList<Alert>(
    alertBody,
    (a) => a.id,
    (a) => alertItem(context, a),
  );
  const noAlerts = h('p', { class: 'hint' }, 'No alert of yours has this URL now.');
  const verify = samples(context, null);

  async function sendTest(): Promise<void> {
    if (url === null) return;
    error.set('');
    try {
      tellTest(await testUrl(context, url), `?endpoint=${id}`);
    } catch (failed) {
      error.set(messageOf(failed));
    }
  }

  async function enableIt(): Promise<void> {
    if (url === null) return;
    error.set('');
    try {
      await enableEndpoint(context, url);
      await reload();
    } catch (failed) {
      error.set(messageOf(failed));
    }
  }

  /** Known from the list of endpoints, or from an alert or a delivery until that is there. */
  function findUrl(endpoints: readonly Endpoint[]): string | null {
    const all = [...endpoints, ...store.alerts, ...store.deliveries];
    return all.find((each) => endpointId(each.webhook_url) === id)?.webhook_url ?? null;
  }

  function renderFacts(endpoint: Endpoint | undefined): void {
    show(state, endpoint !== undefined);
    show(stats, endpoint !== undefined);
    show(enable, endpoint !== undefined && endpoint.disabled_at !== null);
    if (endpoint === undefined) return;
    const { colour, text } = endpointState(endpoint);
    setText(state, text);
    setAttribute(state, 'data-state', colour);
    setText(reason, endpointReason(endpoint, store.now()));
    rate.set(successRate(endpoint), attemptsInWords(endpoint));
    latency.set(latencyInWords(endpoint), 'Half, and 95 of 100, are answered within');
    const at = endpoint.last_success_at;
    success.set(at === null ? 'Never' : formatTime(at), '', at);
    const failed = endpoint.last_failure;
    failure.set(failed === null ? 'None' : formatTime(failed.at), failed?.reason ?? '', failed?.at ?? null);
  }

  function renderDeliveries(): void {
    const known = store.deliveries.filter((d) => d.id >= pages.floor && matchesDelivery(d, filter));
    list.show(known.slice(0, shownDeliveries));
    show(table, known.length > 0);
    setText(none, known.length > 0 ? '' : pages.loaded ? 'Nothing has been sent to it yet.' : 'Loading…');
    const recent = known.slice(0, shownTicks).reverse();
    show(ticks, recent.length > 0);
    const key = recent.map((d) => `${d.id}${d.status}`).join();
    if (key === ticks.dataset['key']) return;
    ticks.dataset['key'] = key;
    ticks.replaceChildren(
      ...recent.map((d) =>
        h('span', {
          'data-state': d.status,
          title: `${formatTime(d.created_at)}: ${statusInWords(d.status)}`,
        }),
      ),
    );
    const good = recent.filter((d) => d.status === 'delivered').length;
    setAttribute(ticks, 'aria-label', `Of the last ${recent.length} deliveries ${good} arrived`);
  }

  return {
    head: [
      h('p', { class: 'back' }, h('a', { href: '#/endpoints' }, '‹ All endpoints')),
      h('div', { class: 'page-head endpoint-head' }, heading, state),
    ],
    element: h(
      'div',
      { class: 'endpoint-grid' },
      h(
        'section',
        { class: 'panel endpoint-main', 'aria-label': 'State' },
        reason,
        stats,
        error.element,
        h('div', { class: 'actions' }, test, replay, enable, copyUrl),
      ),
      h(
        'section',
        { class: 'panel table-panel endpoint-deliveries', 'aria-label': 'Latest deliveries' },
        h(
          'div',
          { class: 'panel-head' },
          h('h2', null, 'Latest deliveries'),
          h('a', { href: `#/deliveries?endpoint=${id}` }, 'All deliveries'),
        ),
        ticks,
        table,
        none,
      ),
      h(
        'section',
        { class: 'panel endpoint-side', 'aria-label': 'Alerts' },
        h(
          'div',
          { class: 'panel-head' },
          h('h2', null, 'Alerts'),
          h('a', { href: `#/alerts?endpoint=${id}` }, 'All its alerts'),
        ),
        alertBody,
        noAlerts,
      ),
      h(
        'section',
        { class: 'panel endpoint-verify', 'aria-label': 'Verify what it receives' },
        h('h2', null, 'Verify what it receives'),
        verify.element,
      ),
    ),
    render(endpoints, loaded) {
      const found = url ?? findUrl(endpoints);
      if (found !== null && (url === null || pages.isStale)) {
        url = found;
        setText(heading, shortUrl(found));
        setAttribute(heading, 'title', found);
        void pages
          .load(deliveriesPath(filter, found, shownTicks))
          .catch((e) => error.set(messageOf(e)))
          .finally(renderDeliveries);
      }
      for (const button of [test, replay, copyUrl]) button.disabled = url === null;
      if (url === null && loaded) setText(reason, 'No alert or delivery of yours has this URL any more.');
      renderFacts(endpoints.find((e) => e.webhook_url === url));
      renderDeliveries();
      const own = store.alerts.filter((a) => a.webhook_url === url);
      alerts.show(
        [...own.filter((a) => a.is_active), ...own.filter((a) => !a.is_active)].slice(0, shownAlerts),
      );
      show(noAlerts, own.length === 0);
    },
    destroy() {},
  };
}

interface Stat {
  element: HTMLElement;
  set(value: string, more: string, exact?: string | null): void;
}

function stat(label: string): Stat {
  const value = timeElement();
  const more = h('span', { class: 'muted small' });
  return {
    element: h(
      'div',
      { class: 'stat' },
      h('dt', null, label),
      h('dd', null, value.element),
      h('dd', null, more),
    ),
    set(text, detail, exact = null) {
      value.set(text, exact);
      setText(more, detail);
    },
  };
}

function alertItem(context: Context, first: Alert): Row<Alert> {
  let alert = first;
  const button = h('button', { type: 'button', class: 'row-button' });
  button.addEventListener('click', () => alertDialog(context, alert));
  const state = h('span', { class: 'badge' });
  return {
    element: h('li', null, button, state),
    update(next) {
      alert = next;
      setText(button, alertTitle(alert, groupDigits));
      setText(state, alertStatusInWords(alert));
      setAttribute(state, 'data-state', alertState(alert));
    },
  };
}
