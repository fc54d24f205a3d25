// One delivery: its state, its actions, and each attempt with its response and times.
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { copyButton } from '../copy.ts';
import { groupDigits } from '../decimal.ts';
import { h, setAttribute, setText, show, tableHead, timeElement, whileBusy } from '../dom.ts';
import { errorRegion } from '../field.ts';
import { alertTitle, formatDuration, formatTime, formatUntil } from '../format.ts';
import { indentJson } from '../json.ts';
import { endpointId } from '../route.ts';
import { curlOf } from '../samples.ts';
import { toast } from '../toast.ts';
import type { Alert, Attempt, Delivery, DeliveryDetail } from '../types.ts';
import { alertDialog } from './alert_dialog.ts';
import { stateOf } from './delivery_row.ts';

// Each change of the delivery triggers a reload of its attempts, but the server allows five requests in ten seconds.
const refreshAtMostEvery = 2100;

/** The alert's title; if the alert was deleted, only the ticker is known. */
export function deliveryName(delivery: Delivery, alert: Alert | undefined): string {
  return alert === undefined ? delivery.ticker : alertTitle(alert, groupDigits);
}

function kindInWords(kind: Delivery['kind']): string {
  return { alert: '', test: ', test', expired: ', expired', push: ', push' }[kind];
}

export interface DetailPanel {
  element: HTMLElement;
  open(id: string, focus: boolean): void;
  close(): void;
  openId(): string | null;
  destroy(): void;
}

export function deliveryDetail(context: Context, onClose: () => void): DetailPanel {
  const { api, store } = context;
  let id: string | null = null;
  let detail: DeliveryDetail | null = null;
  const rows = new Map<string, HTMLElement[]>(); // by attempt
  let shownFacts = '';
  let lastRefresh = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const heading = h('h2', { tabindex: '-1' }, 'Delivery');
  const state = h('span', { class: 'badge' });
  const facts = h('dl', { class: 'facts' });
  const error = errorRegion();
  const again = h('button', { type: 'button', class: 'primary' }, 'Send again');
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const copyId = copyButton('Copy ID', () => id ?? '', { of: 'of the delivery' });
  const toAlert = h('button', { type: 'button' }, 'Alert');
  toAlert.addEventListener('click', () => {
    const alert = shownAlert();
    if (alert !== undefined) alertDialog(context, alert);
  });
  const payload = h('pre', { tabindex: '0', 'aria-label': 'Payload', 'data-testid': 'payload' });
  const sent = (): string => detail?.request?.body ?? '';
  const curl = copyButton('Copy as curl', asCurl);
  const payloadPart = h(
    'section',
    { 'aria-label': 'Payload' },
    h(
      'div',
      { class: 'payload-head' },
      h('h3', null, 'Payload'),
      copyButton('Copy', sent, { of: 'payload', shown: payload }),
      curl,
    ),
    payload,
  );
  const body = h('tbody');
  const none = h('p', { class: 'hint' });
  const table = h(
    'table',
    { class: 'attempts', 'aria-label': 'Attempts' },
    tableHead(['#', { class: 'number' }], 'Started', ['Took', { class: 'number' }], 'Response'),
    body,
  );
  const element = h(
    'section',
    { class: 'panel detail', 'aria-label': 'Delivery' },
    h(
      'div',
      { class: 'detail-head' },
      heading,
      state,
      h('button', { type: 'button', class: 'icon', 'aria-label': 'Close', onclick: onClose }, '×'),
    ),
    facts,
    error.element,
    h('div', { class: 'actions' }, again, cancel, copyId, toAlert),
    payloadPart,
    table,
    none,
  );
  element.hidden = true;
  again.addEventListener(
    'click',
    () => void whileBusy(again, () => change('retry', 'The delivery is being sent again.')),
  );
  cancel.addEventListener(
    'click',
    () => void whileBusy(cancel, () => change('cancel', 'Delivery cancelled.')),
  );

  function shownAlert(): Alert | undefined {
    const of = id === null ? undefined : (store.delivery(id) ?? detail);
    return of ? store.alert(of.alert_id) : undefined;
  }

  function asCurl(): string {
    if (detail === null) return '';
    return curlOf(detail, detail.request?.headers ?? null, sent());
  }

  async function change(what: 'retry' | 'cancel', done: string): Promise<void> {
    if (id === null) return;
    error.set('');
    const mark = store.mark();
    try {
      store.putDelivery(await api.post<Delivery>(`/api/v1/deliveries/${id}/${what}`), mark);
      toast(done, 'good');
    } catch (problem) {
      error.set(messageOf(problem));
    }
  }

  async function load(): Promise<void> {
    const asked = id;
    if (asked === null) return;
    lastRefresh = Date.now();
    try {
      const { body: answer } = await api.get<DeliveryDetail>(`/api/v1/deliveries/${asked}`);
      if (id !== asked) return;
      detail = answer;
      error.set('');
    } catch (problem) {
      if (id !== asked) return;
      error.set(messageOf(problem));
    }
    render();
  }

  function refresh(): void {
    clearTimeout(timer);
    timer = setTimeout(() => void load(), Math.max(50, lastRefresh + refreshAtMostEvery - Date.now()));
  }

  function render(): void {
    show(element, id !== null);
    if (id === null) return;
    const now = store.delivery(id) ?? detail;
    if (now === null || now === undefined) return;
    setText(heading, deliveryName(now, store.alert(now.alert_id)) + kindInWords(now.kind));
    const { name, text } = stateOf(now);
    setText(state, text);
    setAttribute(state, 'data-state', name);
    const known = detail?.id === id ? (detail.request?.body ?? null) : null;
    show(payloadPart, known !== null);
    show(curl, now.device === undefined); // a push is sent encrypted
    setText(payload, indentJson(known ?? ''));
    show(toAlert, shownAlert() !== undefined);
    const over = now.status !== 'pending' && now.status !== 'delivering';
    cancel.disabled = over;
    renderFacts(now);
    const attempts = detail?.id === id ? detail.attempts : [];
    renderAttempts(attempts);
    show(table, attempts.length > 0);
    setText(
      none,
      attempts.length > 0
        ? droppedInWords(detail?.attempts_dropped ?? 0)
        : detail === null
          ? 'Loading attempts…'
          : 'Not attempted yet.',
    );
  }

  /** Newest first. Rows that are shown stay: one may be open, or about to be clicked. */
  function renderAttempts(attempts: Attempt[]): void {
    const keyOf = (a: Attempt): string => `${a.number} ${a.started_at}`;
    const keys = new Set(attempts.map(keyOf));
    for (const [key, elements] of rows) {
      if (keys.has(key)) continue;
      elements.forEach((element) => element.remove());
      rows.delete(key);
    }
    for (const attempt of attempts) {
      if (rows.has(keyOf(attempt))) continue;
      const elements = attemptRows(attempt);
      rows.set(keyOf(attempt), elements);
      body.prepend(...elements);
    }
  }

  function renderFacts(d: Delivery): void {
    const entries: [string, Node | string][] = [
      [
        'To',
        d.device === undefined
          ? h('a', { href: `#/endpoints/${endpointId(d.webhook_url)}` }, d.webhook_url)
          : `${d.device.label || 'A device that was removed'}, by ${d.webhook_url}`,
      ],
      ['ID', d.id],
      ['Created', time(d.created_at)],
    ];
    const firing = detail?.id === d.id ? detail.firing : undefined;
    if (firing) entries.push(['Why', firing.because]);
    if (d.reason !== null) entries.push(['Reason', d.reason]);
    if (d.status === 'pending' && d.next_attempt_at !== null) {
      entries.push([
        'Next attempt',
        time(d.next_attempt_at, formatUntil(new Date(d.next_attempt_at).getTime() - store.now())),
      ]);
    }
    entries.push(d.finished_at === null ? ['Expires', time(d.deadline)] : ['Finished', time(d.finished_at)]);
    const endpoint = detail?.id === d.id ? detail.endpoint : undefined;
    if (endpoint !== undefined && endpoint.breaker !== 'closed') {
      entries.push([
        'Endpoint',
        `${endpoint.name} is failing; attempts are paused${endpoint.retry_at === null ? '' : ` until ${formatTime(endpoint.retry_at)}`}`,
      ]);
    }
    // What has not changed stays, so that it can be selected.
    const text = entries
      .flatMap(([name, value]) => [name, typeof value === 'string' ? value : value.textContent])
      .join('\n');
    if (text === shownFacts) return;
    shownFacts = text;
    facts.replaceChildren(...entries.flatMap(([name, value]) => [h('dt', null, name), h('dd', null, value)]));
  }

  const stop = store.on(['deliveries'], () => {
    if (id === null) return;
    const now = store.delivery(id);
    if (
      now !== undefined &&
      detail !== null &&
      (now.status !== detail.status ||
        now.attempt_count !== detail.attempt_count ||
        now.next_attempt_at !== detail.next_attempt_at)
    )
      refresh();
    render();
  });
  const clock = setInterval(() => id !== null && render(), 1000);

  return {
    element,
    open(next, focus) {
      id = next;
      detail = null;
      rows.clear();
      body.replaceChildren();
      shownFacts = '';
      error.set('');
      facts.replaceChildren();
      setText(heading, 'Delivery');
      render();
      if (focus) heading.focus();
      void load();
    },
    close() {
      id = null;
      detail = null;
      clearTimeout(timer);
      render();
    },
    openId: () => id,
    destroy() {
      stop();
      clearInterval(clock);
      clearTimeout(timer);
    },
  };
}

function time(exact: string, text = formatTime(exact)): HTMLElement {
  const t = timeElement();
  t.set(text, exact);
  return t.element;
}

function droppedInWords(dropped: number): string {
  if (dropped === 0) return '';
  return dropped === 1 ? 'One earlier attempt is not kept.' : `${dropped} earlier attempts are not kept.`;
}

function attemptRows(attempt: Attempt): HTMLElement[] {
  const good = attempt.status !== null && attempt.status >= 200 && attempt.status < 300;
  const what = attempt.status === null ? (attempt.error ?? 'No response') : String(attempt.status);
  const row = h(
    'tr',
    { 'data-testid': 'attempt-row' },
    h('td', { class: 'number' }, String(attempt.number)),
    h('td', null, time(attempt.started_at)),
    h('td', { class: 'number' }, formatDuration(attempt.duration_ms)),
    h('td', null, h('span', { class: 'badge', 'data-state': good ? 'delivered' : 'failed' }, what)),
  );
  const details = h('details', null, h('summary', null, 'Request and response'), ...attemptParts(attempt));
  return [row, h('tr', { class: 'attempt-more' }, h('td', { colspan: '4' }, details))];
}

function attemptParts(attempt: Attempt): HTMLElement[] {
  const { dns_ms, connect_ms, tls_ms, first_byte_ms } = attempt.times;
  const phases = (
    [
      ['DNS', dns_ms],
      ['Connect', connect_ms],
      ['TLS', tls_ms],
      ['First byte', first_byte_ms],
    ] as const
  )
    .filter(([, ms]) => ms !== null)
    .map(([name, ms]) => `${name} ${formatDuration(ms!)}`);
  const parts: [string, string | null][] = [
    ['Phases', phases.length === 0 ? null : phases.join(' · ')],
    ['Address', attempt.address],
    ['Error', attempt.status === null ? null : attempt.error],
    [
      'Request',
      attempt.request_headers === null
        ? null
        : Object.entries(attempt.request_headers)
            .map(([name, value]) => `${name}: ${value}`)
            .join('\n'),
    ],
    ['Response', attempt.answer === '' ? '(empty)' : attempt.answer],
  ];
  return parts
    .filter(([, text]) => text !== null)
    .map(([name, text]) =>
      h('div', { class: 'part' }, h('h3', null, name), h('pre', { tabindex: '0' }, text)),
    );
}
