// The endpoints of the user's alerts: how each of them does, and a page for each.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import {
  h,
  KeyedList,
  onFrame,
  setAttribute,
  setText,
  show,
  tableHead,
  timeElement,
  type Row,
} from '../dom.ts';
import { attemptsInWords, endpointReason, endpointState, latencyInWords, successRate } from '../endpoint.ts';
import { loadEndpoints } from '../endpoint_actions.ts';
import { errorRegion } from '../field.ts';
import { counted, formatTime, shortUrl } from '../format.ts';
import { endpointId } from '../route.ts';
import type { Endpoint } from '../types.ts';
import { endpointPage } from './endpoint_page.ts';

// Each change of a delivery may have changed them; the server allows five requests in ten seconds.
const refreshAtMostEvery = 4000;

export function endpointsView(context: Context, openId: string | null): View {
  const { store } = context;
  let endpoints: Endpoint[] = [];
  let loaded = false;
  let lastAsked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const error = errorRegion();
  const retry = h('button', { type: 'button' }, 'Try again');
  retry.addEventListener('click', () => void load());
  const problem = h('div', { class: 'problem' }, error.element, retry);

  const part = openId === null ? listOf(context) : endpointPage(context, openId, () => load());
  const element = h('div', { class: 'page' }, ...part.head, problem, part.element);

  async function load(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    lastAsked = Date.now();
    try {
      endpoints = await loadEndpoints(context);
      loaded = true;
      error.set('');
    } catch (failed) {
      error.set(messageOf(failed));
    }
    if (!ended) render();
  }

  function refresh(): void {
    timer ??= setTimeout(() => void load(), Math.max(200, lastAsked + refreshAtMostEvery - Date.now()));
  }

  function render(): void {
    show(problem, error.element.textContent !== '');
    part.render(endpoints, loaded);
  }

  const soon = onFrame(render);
  const stops = [
    store.on(['deliveries'], () => {
      refresh();
      soon();
    }),
    store.on(['alerts'], soon),
    // What was missed while the server was away.
    store.on(['connection'], () => store.connection.live && refresh()),
  ];
  // The countdown to the next try.
  const clock = setInterval(soon, 1000);
  render();
  void load();
  return {
    element,
    openId: () => openId,
    destroy() {
      ended = true;
      stops.forEach((stop) => stop());
      clearInterval(clock);
      clearTimeout(timer);
      part.destroy();
    },
  };
}

/** The list, or one endpoint's page. */
export interface EndpointPart {
  head: HTMLElement[];
  element: HTMLElement;
  render(endpoints: readonly Endpoint[], loaded: boolean): void;
  destroy(): void;
}

function listOf(context: Context): EndpointPart {
  const { store } = context;
  const body = h('tbody');
  const list = new KeyedList<Endpoint>(body, (e) => e.webhook_url, endpointRow);
  const table = h(
    'table',
    { class: 'cards endpoint-table', 'aria-label': 'Endpoints' },
    tableHead(
      'Endpoint',
      'State',
      ['Success, 24 h', { class: 'number', title: 'Attempts of the last 24 hours' }],
      ['p50 · p95', { class: 'number', title: 'Half, and 95 of 100, are answered within' }],
      'Last success',
      'Last failure',
    ),
    body,
  );
  const empty = h('div', { class: 'empty' });
  return {
    head: [
      h(
        'div',
        { class: 'page-head' },
        h('h1', { tabindex: '-1' }, 'Endpoints'),
        h('p', { class: 'hint' }, 'The webhook URLs of your alerts, each with how its server answers.'),
      ),
    ],
    element: h('section', { class: 'panel table-panel' }, table, empty),
    render(endpoints, loaded) {
      list.show(endpoints);
      show(table, endpoints.length > 0);
      show(empty, endpoints.length === 0);
      if (endpoints.length > 0) return;
      if (!loaded) empty.replaceChildren(h('p', null, 'Loading your endpoints…'));
      else
        empty.replaceChildren(
          h('p', null, 'None yet: the webhook URLs of your alerts appear here.'),
          h(
            'p',
            { class: 'hint' },
            'An endpoint that answers 410 Gone, or refuses 50 webhooks in a row, is disabled until you enable it again.',
          ),
          h('a', { class: 'button primary', href: '#/start' }, 'First steps'),
        );
    },
    destroy() {},
  };

  function endpointRow({ webhook_url }: Endpoint): Row<Endpoint> {
    const state = h('span', { class: 'badge' });
    const reason = h('div', { class: 'muted small' });
    const count = h('div', { class: 'muted small' });
    const rate = h('strong');
    const attempts = h('div', { class: 'muted small' });
    const latency = h('td', { class: 'number', 'data-label': 'p50 · p95' });
    const success = timeElement();
    const failure = timeElement();
    const failureReason = h('div', { class: 'muted small' });
    const element = h(
      'tr',
      { 'data-testid': 'endpoint-row', 'data-url': webhook_url },
      h(
        'th',
        { scope: 'row' },
        h(
          'a',
          { class: 'url', href: `#/endpoints/${endpointId(webhook_url)}`, title: webhook_url },
          shortUrl(webhook_url),
        ),
        count,
      ),
      h('td', { class: 'state-column', 'data-label': 'State' }, state, reason),
      h('td', { class: 'number', 'data-label': 'Success, 24 h' }, rate, attempts),
      latency,
      h('td', { 'data-label': 'Last success' }, success.element),
      h('td', { 'data-label': 'Last failure' }, failure.element, failureReason),
    );
    return {
      element,
      update(endpoint) {
        const { colour, text } = endpointState(endpoint);
        setText(state, text);
        setAttribute(state, 'data-state', colour);
        setText(reason, endpointReason(endpoint, store.now()));
        const alerts = store.alerts.filter((a) => a.is_active && a.webhook_url === webhook_url).length;
        setText(count, counted(alerts, 'active alert'));
        setText(rate, successRate(endpoint));
        setText(attempts, attemptsInWords(endpoint).replace(' in the last 24 hours', ''));
        setText(latency, latencyInWords(endpoint));
        const at = endpoint.last_success_at;
        success.set(at === null ? 'Never' : formatTime(at), at);
        const failed = endpoint.last_failure;
        failure.set(failed === null ? '—' : formatTime(failed.at), failed?.at ?? null);
        setText(failureReason, failed?.reason ?? '');
      },
    };
  }
}
