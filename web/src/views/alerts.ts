// All alerts of the user: the active ones with their distance from the price, and those that have fired.
import { bodyOf } from '../alert_body.ts';
import { messageOf } from '../api.ts';
import { conditionSign, sideOf } from '../conditions.ts';
import type { Context, View } from '../context.ts';
import { groupDigits } from '../decimal.ts';
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
import {
  alertStatusInWords,
  alertTitle,
  blindInWords,
  formatDistance,
  formatTime,
  occurredInWords,
  shortUrl,
} from '../format.ts';
import { toast } from '../toast.ts';
import type { Store } from '../store.ts';
import { isLine, type Alert, type Delivery } from '../types.ts';
import { alertDialog } from './alert_dialog.ts';
import { notifyButton } from './notify_button.ts';

type Shown = 'all' | 'active' | 'fired';

export function alertsView(context: Context): View {
  const { store } = context;
  let shown: Shown = 'all';

  const tabs = (['all', 'active', 'fired'] as const).map((each) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(each === shown),
        onclick: () => {
          shown = each;
          tabs.forEach((tab, i) =>
            tab.setAttribute('aria-pressed', String((['all', 'active', 'fired'] as const)[i] === shown)),
          );
          render();
        },
      },
      { all: 'All', active: 'Active', fired: 'Fired' }[each],
    ),
  );
  const body = h('tbody');
  const list = new KeyedList<Alert>(
    body,
    (a) => a.id,
    (a) => alertRow(context, a),
  );
  const columns = ['Alert', 'Distance', 'State', 'Webhook', 'Actions'];
  const table = h(
    'table',
    { class: 'cards', 'aria-label': 'Alerts' },
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        ...columns.map((c) =>
          h('th', { scope: 'col', class: c === 'Distance' ? 'number' : c === 'Actions' ? 'end' : null }, c),
        ),
      ),
    ),
    body,
  );
  const empty = h('div', { class: 'empty' });
  const more = h('button', { type: 'button' }, 'Show older');
  more.addEventListener('click', () => {
    void whileBusy(more, () => store.loadMoreAlerts()).catch((e) => toast(messageOf(e), 'bad'));
  });
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
      h('div', { class: 'segmented', role: 'group', 'aria-label': 'Filter alerts' }, ...tabs),
      notify.element,
    ),
    blind,
    h('section', { class: 'panel table-panel' }, table, empty, h('div', { class: 'more' }, more)),
  );

  function renderBlind(): void {
    const lines = [...store.blind].map(([ticker, state]) => blindInWords(ticker, state));
    if (lines.join('\n') !== [...blind.children].map((line) => line.textContent).join('\n'))
      blind.replaceChildren(...lines.map((line) => h('li', null, line)));
    show(blind, lines.length > 0);
  }

  function render(): void {
    renderBlind();
    const isShown = {
      all: () => true,
      active: (a: Alert) => a.is_active,
      fired: (a: Alert) => !a.is_active && (a.status ?? 'fired') === 'fired',
    };
    const items = store.alerts.filter(isShown[shown]);
    list.show(items);
    show(table, items.length > 0);
    show(empty, items.length === 0);
    show(more, store.alertsNext !== null && shown !== 'active');
    if (items.length > 0) return;
    if (!store.alertsLoaded) {
      empty.replaceChildren(h('p', null, 'Loading your alerts…'));
    } else if (shown === 'fired') {
      empty.replaceChildren(
        h('p', null, 'Nothing has fired yet.'),
        h('p', { class: 'hint' }, 'Fired alerts stay here, with their time and price.'),
      );
    } else {
      empty.replaceChildren(
        h('p', null, shown === 'all' ? 'You have no alerts yet.' : 'You have no active alerts.'),
        h('p', { class: 'hint' }, 'Open the market, click a price on the chart and confirm the alert.'),
        h('a', { class: 'button primary', href: '#/market' }, 'Create an alert'),
      );
    }
  }

  const soon = onFrame(render);
  const stops = [store.on(['alerts', 'prices', 'blind', 'connection'], soon), notify.stop];
  render();
  return { element, destroy: () => stops.forEach((stop) => stop()) };
}

function alertRow(context: Context, first: Alert): Row<Alert> {
  const { store, api } = context;
  let alert = first;
  const sign = h('span');
  const words = h('span');
  const name = h('span');
  const title = h('span', { class: 'target' }, name, ' ', sign, ' ', words);
  const note = h('div', { class: 'note' });
  const distance = h('td', { class: 'number', 'data-label': 'Distance' });
  const state = h('span', { class: 'badge' });
  const when = timeElement();
  const firedAt = h('span');
  const url = h('span', { class: 'url' });
  const disabled = h(
    'div',
    { class: 'field-error' },
    'Disabled: its server wants no more webhooks. ',
    h('a', { href: '#/account' }, 'Enable it'),
  );
  const unwatched = h('div', { class: 'field-error' });
  const late = h('div', { class: 'muted small' });
  const edit = h('button', { type: 'button' }, 'Edit');
  const test = h('button', { type: 'button' }, 'Send test');
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete');
  const element = h(
    'tr',
    { 'data-testid': 'alert-row', 'data-id': first.id },
    h('th', { scope: 'row' }, title, note),
    distance,
    h(
      'td',
      { 'data-label': 'State' },
      state,
      h('div', { class: 'muted small' }, when.element, firedAt),
      late,
      unwatched,
    ),
    h('td', { class: 'url-cell', 'data-label': 'Webhook' }, url, disabled),
    h('td', { class: 'actions' }, edit, test, remove),
  );
  edit.addEventListener('click', () => alertDialog(context, alert));
  test.addEventListener('click', () => void whileBusy(test, () => sendTest()));
  remove.addEventListener('click', () => void whileBusy(remove, () => removeAlert()));

  async function sendTest(): Promise<void> {
    const mark = store.mark();
    try {
      const delivery = await api.post<Delivery>(`/api/v1/alerts/${alert.id}/test`);
      store.putDelivery(delivery, mark);
      toast(`A test webhook is on its way to ${shortUrl(alert.webhook_url)}.`, 'good', {
        label: 'View',
        run: () => (location.hash = `#/deliveries/${delivery.id}`),
      });
    } catch (error) {
      toast(messageOf(error), 'bad');
    }
  }

  async function removeAlert(): Promise<void> {
    try {
      await api.delete(`/api/v1/alerts/${alert.id}`);
    } catch (error) {
      return toast(messageOf(error), 'bad');
    }
    const gone = alert;
    store.removeAlert(gone.id);
    // Recreating a fired alert would fire it again.
    const undo = gone.is_active ? { label: 'Undo', run: () => void restore(gone) } : undefined;
    toast(`Deleted: ${alertTitle(gone, groupDigits)}.`, 'info', undo);
  }

  async function restore(gone: Alert): Promise<void> {
    try {
      store.putAlert(await api.post<Alert>('/api/v1/alerts/', bodyOf(gone, store.now())));
    } catch (error) {
      toast(messageOf(error), 'bad');
    }
  }

  return {
    element,
    update(next) {
      alert = next;
      const sentence = alertTitle(alert, groupDigits);
      const side = alert.says === undefined ? alert.condition : null;
      setText(sign, side === null ? '' : conditionSign(side));
      setAttribute(sign, 'data-side', side === null ? null : sideOf(side));
      setText(name, side === null ? sentence : alert.ticker);
      setText(words, side === null ? '' : sentence.slice(alert.ticker.length + 1));
      setText(note, alert.note);
      setAttribute(element, 'data-state', alert.is_active ? 'active' : 'fired');
      const present = store.prices.get(alert.ticker)?.price?.price ?? null;
      setText(
        distance,
        !alert.is_active || present === null || !isLine(alert)
          ? '—'
          : formatDistance(present, alert.target_price),
      );
      setAttribute(
        distance,
        'title',
        alert.is_active && present !== null ? `The price is ${groupDigits(present)}` : null,
      );
      setText(state, alertStatusInWords(alert));
      setText(late, alert.late ? lateInWords(alert, store) : '');
      setAttribute(state, 'data-state', alert.status ?? (alert.is_active ? 'active' : 'fired'));
      if (alert.is_active && (alert.firings ?? 0) === 0) {
        when.set(`since ${formatTime(alert.created_at)}`, alert.created_at);
        setText(firedAt, '');
      } else {
        when.set(alert.triggered_at === null ? '' : formatTime(alert.triggered_at), alert.triggered_at);
        setText(firedAt, alert.triggered_price === null ? '' : ` at ${groupDigits(alert.triggered_price)}`);
      }
      setText(url, shortUrl(alert.webhook_url));
      setAttribute(url, 'title', alert.webhook_url);
      show(unwatched, alert.is_active && alert.watched === false);
      setText(unwatched, unwatchedInWords(alert));
      show(disabled, alert.endpoint_disabled_at !== undefined);
      setAttribute(edit, 'title', `Edit ${sentence}, or see why it has not fired`);
      setAttribute(test, 'title', `Send a test webhook for ${sentence}`);
      setAttribute(remove, 'title', `Delete ${sentence}`);
    },
  };
}

function lateInWords(alert: Alert, store: Store): string {
  const sources = (alert.sources ?? []).map((name) => store.sources.get(name)?.title || name);
  const by = sources.length > 0 ? ` by the history of ${sources.join(', ')}` : '';
  return `Happened ${occurredInWords(alert)}, while the price was not watched${by}`;
}

function unwatchedInWords({ ticker, unwatched_reason }: Alert): string {
  return `${ticker} is not watched, so the alert cannot fire${unwatched_reason ? `: ${unwatched_reason}` : '.'}`;
}
