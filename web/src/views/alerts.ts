// All alerts of the user: searched, narrowed and sorted, with what can be done to one or to several of them.
import { patchAlert, removeAlerts, restoreAll, snoozeUntil } from '../alert_actions.ts';
import {
  alertOrders,
  alertStates,
  matchesAlert,
  orderAlerts,
  type AlertFilter,
  type AlertOrder,
  type AlertState,
} from '../alert_list.ts';
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import { h, KeyedList, onFrame, paced, setAttribute, setText, show, tableHead, whileBusy } from '../dom.ts';
import { blindInWords, counted } from '../format.ts';
import { endpointId, Query } from '../route.ts';
import { toast } from '../toast.ts';
import type { Alert } from '../types.ts';
import { alertRow } from './alert_row.ts';
import { confirmDialog } from './dialog.ts';
import { choice, searchField, segmented, setOptions } from './filters.ts';
import { notifyButton } from './notify_button.ts';

const page = 60; // rows at a time
const pricesEvery = 500;
const resortEvery = 5000;

export function alertsView(context: Context, text: string): View {
  const { store } = context;
  const query = new Query('alerts', text);
  const selected = new Set<string>();
  let most = page;
  let shown: Alert[] = [];
  let sortedAt = 0;
  let stopped = false; // the work on several alerts

  const narrow = (name: string, value: string): void => {
    query.set(name, value);
    most = page;
    selected.clear();
    render();
  };
  const stateWords = { all: 'All', active: 'Active', paused: 'Paused', fired: 'Fired', expired: 'Expired' };
  const tabs = segmented<AlertState>(
    'Filter alerts',
    alertStates.map((each) => [each, stateWords[each]]),
    (query.get('state') || 'all') as AlertState,
    (state) => narrow('state', state === 'all' ? '' : state),
  );
  const search = searchField('Search alerts', query.get('text'), (words) => narrow('text', words));
  const ticker = choice('Ticker', (value) => narrow('ticker', value));
  const order = choice('Sort', (value) => narrow('sort', value === 'newest' ? '' : value));
  setOptions(order, Object.entries(alertOrders), query.get('sort') || 'newest');
  const endpoint = h('button', { type: 'button', class: 'chip' });
  endpoint.addEventListener('click', () => narrow('endpoint', ''));

  const body = h('tbody');
  const selection = {
    has: (id: string): boolean => selected.has(id),
    set(id: string, on: boolean): void {
      if (on) selected.add(id);
      else selected.delete(id);
      renderBulk();
    },
  };
  const list = new KeyedList<Alert>(
    body,
    (a) => a.id,
    (a) => alertRow(context, a, selection),
  );
  const all = h('input', { type: 'checkbox', 'aria-label': 'Select all shown' });
  all.addEventListener('change', () => {
    selected.clear();
    if (all.checked) for (const alert of shown) selected.add(alert.id);
    render();
  });
  const table = h(
    'table',
    { class: 'cards alert-table', 'aria-label': 'Alerts' },
    tableHead(
      h('td', { class: 'select-cell' }, h('label', { class: 'check' }, all)),
      'Alert',
      ['Distance', { class: 'number' }],
      'State',
      'Webhook',
      ['Actions', { class: 'end' }],
    ),
    body,
  );
  const empty = h('div', { class: 'empty' });
  const more = h('button', { type: 'button' });
  more.addEventListener('click', () => void whileBusy(more, () => showMore()));

  const selectedCount = h('span', { role: 'status' });
  const stop = h('button', { type: 'button' }, 'Stop');
  stop.addEventListener('click', () => (stopped = true));
  const pause = h('button', { type: 'button' }, 'Pause');
  const resume = h('button', { type: 'button' }, 'Resume');
  const snooze = h('button', { type: 'button' }, 'Snooze 1 h');
  const tomorrow = h('button', { type: 'button' }, 'Snooze until tomorrow');
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete selected');
  const clear = h('button', { type: 'button' }, 'Clear selection');
  clear.addEventListener('click', () => {
    selected.clear();
    render();
  });
  const verbs = [pause, resume, snooze, tomorrow, remove, clear];
  const bulk = h(
    'div',
    { class: 'bulk', role: 'group', 'aria-label': 'Selected alerts' },
    selectedCount,
    ...verbs,
    stop,
  );
  const toAll = (
    button: HTMLButtonElement,
    takes: (a: Alert) => boolean,
    members: () => object,
    done: string,
  ): void =>
    button.addEventListener('click', () => void whileBusy(button, () => change(takes, members(), done)));
  const muted = (how: 'hour' | 'tomorrow') => (): object => ({
    snoozed_until: snoozeUntil(how, store.now()).toISOString(),
  });
  toAll(
    pause,
    (a) => a.is_active,
    () => ({ is_active: false }),
    'Paused',
  );
  toAll(
    resume,
    (a) => a.status === 'paused',
    () => ({ is_active: true }),
    'Active again',
  );
  toAll(snooze, (a) => a.is_active, muted('hour'), 'Snoozed');
  toAll(tomorrow, (a) => a.is_active, muted('tomorrow'), 'Snoozed');
  remove.addEventListener('click', () => void whileBusy(remove, () => removeSelected()));

  const blind = h('ul', { class: 'blind', 'aria-label': 'Without a price' });
  const notify = notifyButton(context.notifier);
  notify.element.classList.add('narrow-only');
  const element = h(
    'div',
    { class: 'page' },
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'Alerts'),
      tabs.element,
      h('div', { class: 'filters' }, search, ticker.element, order.element, endpoint),
      notify.element,
    ),
    blind,
    h('section', { class: 'panel table-panel' }, table, empty, h('div', { class: 'more' }, more), bulk),
  );

  function filter(): AlertFilter {
    return {
      state: tabs.value(),
      ticker: query.get('ticker'),
      endpoint: query.get('endpoint'),
      text: query.get('text'),
    };
  }

  function renderBlind(): void {
    const lines = [...store.blind].map(([each, state]) => blindInWords(each, state));
    if (lines.join('\n') !== [...blind.children].map((line) => line.textContent).join('\n'))
      blind.replaceChildren(...lines.map((line) => h('li', null, line)));
    show(blind, lines.length > 0);
  }

  function renderFilters(alerts: readonly Alert[]): void {
    const tickers = new Set(alerts.map((a) => a.ticker));
    if (query.get('ticker') !== '') tickers.add(query.get('ticker'));
    setOptions(
      ticker,
      [['', 'All tickers'], ...[...tickers].sort().map((each) => [each, each] as const)],
      query.get('ticker'),
    );
    const of = query.get('endpoint');
    const url = alerts.find((a) => endpointId(a.webhook_url) === of)?.webhook_url;
    show(endpoint, of !== '');
    setText(endpoint, `To ${url === undefined ? 'one endpoint' : new URL(url).host} ×`);
    setAttribute(endpoint, 'aria-label', 'Show alerts of all endpoints');
  }

  function renderBulk(): void {
    for (const id of selected) if (store.alert(id) === undefined) selected.delete(id);
    show(bulk, selected.size > 0 || selectedCount.getAttribute('aria-busy') === 'true');
    if (selectedCount.getAttribute('aria-busy') !== 'true')
      setText(selectedCount, `${selected.size} selected`);
    const chosen = shown.filter((a) => selected.has(a.id));
    show(
      pause,
      chosen.some((a) => a.is_active),
    );
    show(
      snooze,
      chosen.some((a) => a.is_active),
    );
    show(
      tomorrow,
      chosen.some((a) => a.is_active),
    );
    show(
      resume,
      chosen.some((a) => a.status === 'paused'),
    );
    all.checked = shown.length > 0 && chosen.length === shown.length;
    all.indeterminate = chosen.length > 0 && chosen.length < shown.length;
  }

  /** Anew, in its order. */
  function render(): void {
    sortedAt = Date.now();
    const alerts = store.alerts;
    const priceOf = (of: string): string | null => store.prices.get(of)?.price?.price ?? null;
    const by = (query.get('sort') || 'newest') as AlertOrder;
    const now = filter();
    shown = orderAlerts(
      alerts.filter((a) => matchesAlert(a, now)),
      by in alertOrders ? by : 'newest',
      priceOf,
    );
    renderBlind();
    renderFilters(alerts);
    list.show(shown.slice(0, most));
    show(table, shown.length > 0);
    show(empty, shown.length === 0);
    const older = store.alertsNext !== null && now.state !== 'active';
    show(more, shown.length > most || older);
    setText(more, shown.length > most ? `Show more (${shown.length - most})` : 'Show older');
    renderBulk();
    if (shown.length === 0) renderEmpty(now, alerts.length > 0);
  }

  function renderEmpty(now: AlertFilter, others: boolean): void {
    if (!store.alertsLoaded) {
      empty.replaceChildren(h('p', null, 'Loading your alerts…'));
    } else if (now.text !== '' || now.ticker !== '' || now.endpoint !== '') {
      const reset = h('button', { type: 'button' }, 'Show all alerts');
      reset.addEventListener('click', () => (location.hash = '#/alerts'));
      empty.replaceChildren(h('p', null, 'No alert matches.'), reset);
    } else if (now.state === 'fired') {
      empty.replaceChildren(
        h('p', null, 'Nothing has fired yet.'),
        h('p', { class: 'hint' }, 'Fired alerts stay here, with their time and price.'),
      );
    } else if (others && now.state !== 'active') {
      empty.replaceChildren(h('p', null, `No alert is ${now.state}.`));
    } else {
      empty.replaceChildren(
        h('p', null, others ? 'You have no active alerts.' : 'You have no alerts yet.'),
        h('p', { class: 'hint' }, 'Open the market, choose a price on the chart and confirm the alert.'),
        h('a', { class: 'button primary', href: '#/market' }, 'Create an alert'),
        h('a', { href: '#/start' }, 'First steps'),
      );
    }
  }

  /** Only the rows' prices: rows stay where they are while one is about to press something in them. */
  function renderPrices(): void {
    const byDistance = query.get('sort') === 'nearest';
    if (byDistance && Date.now() - sortedAt > resortEvery && !table.matches(':hover, :focus-within'))
      return render();
    for (const alert of shown.slice(0, most)) list.get(alert.id)?.update(store.alert(alert.id) ?? alert);
  }

  async function showMore(): Promise<void> {
    if (shown.length > most) {
      most += page;
    } else {
      most += page;
      await store.loadMoreAlerts().catch((e) => toast(messageOf(e), 'bad'));
    }
    render();
  }

  /** Runs work on several alerts, which the limits of the server may make slow; it can be stopped. */
  async function working(
    work: (progress: (done: number, of: number) => void) => Promise<void>,
  ): Promise<void> {
    stopped = false;
    selectedCount.setAttribute('aria-busy', 'true');
    verbs.forEach((verb) => (verb.disabled = true));
    show(stop, true);
    try {
      await work((done, of) => setText(selectedCount, `${done} of ${of}…`));
    } finally {
      selectedCount.removeAttribute('aria-busy');
      verbs.forEach((verb) => (verb.disabled = false));
      show(stop, false);
      render();
    }
  }

  async function change(takes: (alert: Alert) => boolean, members: object, done: string): Promise<void> {
    const alerts = shown.filter((a) => selected.has(a.id) && takes(a));
    await working(async (progress) => {
      let changed = 0;
      for (const alert of alerts) {
        if (stopped) break;
        progress(changed, alerts.length);
        if ((await patchAlert(context, alert, members)) === null) break;
        ++changed;
      }
      selected.clear();
      toast(`${done}: ${counted(changed, 'alert')}.`, changed > 0 ? 'good' : 'info');
    });
  }

  async function removeSelected(): Promise<void> {
    const alerts = shown.filter((a) => selected.has(a.id));
    const active = alerts.filter((a) => a.is_active).length;
    const sure = await confirmDialog(
      `Delete ${counted(alerts.length, 'alert')}?`,
      active === 0 ? 'None of them is active.' : `${active} of them can still fire, and then no longer will.`,
      'Delete',
      true,
    );
    if (!sure) return;
    await working(async (progress) => {
      const { removed, failed } = await removeAlerts(
        context,
        alerts,
        (done) => progress(done, alerts.length),
        () => stopped,
      );
      if (failed !== null) toast(failed, 'bad');
      const undo = { label: 'Undo', run: () => void restoreAll(context, removed) };
      if (removed.length > 0)
        toast(
          `Deleted: ${counted(removed.length, 'alert')}.`,
          'info',
          removed.some((a) => a.is_active) ? undo : undefined,
        );
    });
  }

  show(stop, false);
  const soon = onFrame(render);
  const prices = paced(renderPrices, pricesEvery);
  const stops = [store.on(['alerts', 'blind', 'connection'], soon), store.on(['prices'], prices.ask)];
  render();
  return {
    element,
    query: () => query.text,
    destroy() {
      [...stops, notify.stop, prices.stop].forEach((end) => end());
      stopped = true;
    },
  };
}
