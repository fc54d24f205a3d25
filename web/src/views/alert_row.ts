// A row of the list of alerts.
import { removeAlert, sendTest, setActive, snooze, snoozeUntil } from '../alert_actions.ts';
import { holdsAlready } from '../chart_geometry.ts';
import { conditionSign, sideOf } from '../conditions.ts';
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, setAttribute, setText, show, timeElement, whileBusy, type Row } from '../dom.ts';
import {
  alertState,
  alertStatusInWords,
  alertTitle,
  formatDistance,
  formatTime,
  occurredInWords,
  shortUrl,
} from '../format.ts';
import { endpointId } from '../route.ts';
import type { Store } from '../store.ts';
import { isLine, type Alert } from '../types.ts';
import { alertDialog } from './alert_dialog.ts';
import { confirmDialog } from './dialog.ts';

export interface Selection {
  has(id: string): boolean;
  set(id: string, selected: boolean): void;
}

/** What the alert can be told beside editing, testing and deleting. */
function verbOf(alert: Alert): 'Snooze 1 h' | 'End snooze' | 'Resume' | 'Again' {
  if (alert.status === 'paused') return 'Resume';
  if (!alert.is_active) return 'Again';
  return alert.status === 'snoozed' ? 'End snooze' : 'Snooze 1 h';
}

export function alertRow(context: Context, first: Alert, selection: Selection): Row<Alert> {
  const { store, session } = context;
  let alert = first;
  const box = h('input', { type: 'checkbox' });
  box.addEventListener('change', () => selection.set(alert.id, box.checked));
  const sign = h('span');
  const words = h('span');
  const name = h('span');
  const title = h('span', { class: 'target' }, name, ' ', sign, ' ', words);
  const note = h('div', { class: 'note' });
  const chart = h('a', { href: '#/market' }, 'Chart');
  chart.addEventListener('click', () => {
    store.open(alert.ticker);
    session.write('ticker', alert.ticker);
  });
  const why = h('button', { type: 'button', class: 'link' }, 'Why?');
  const deliveries = h('a', { href: `#/deliveries?alert=${first.id}` }, 'Deliveries');
  const distance = h('td', { class: 'number', 'data-label': 'Distance' });
  const state = h('span', { class: 'badge' });
  const when = timeElement();
  const firedAt = h('span');
  const url = h('a', { class: 'url' });
  const disabled = h('div', { class: 'field-error' }, 'Disabled: its server wants no more webhooks. ');
  const enable = h('a', null, 'Enable it');
  disabled.append(enable);
  const unwatched = h('div', { class: 'field-error' });
  const late = h('div', { class: 'muted small' });
  const edit = h('button', { type: 'button' }, 'Edit');
  const verb = h('button', { type: 'button' });
  const test = h('button', { type: 'button' }, 'Send test');
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete');
  const element = h(
    'tr',
    { 'data-testid': 'alert-row', 'data-id': first.id },
    h('td', { class: 'select-cell' }, h('label', { class: 'check' }, box)),
    h('th', { scope: 'row' }, title, note),
    distance,
    h(
      'td',
      { class: 'state-column', 'data-label': 'State' },
      state,
      h('div', { class: 'muted small' }, when.element, firedAt),
      late,
      unwatched,
    ),
    h('td', { class: 'url-cell', 'data-label': 'Webhook' }, url, disabled),
    h(
      'td',
      { class: 'actions' },
      h('div', { class: 'row-actions' }, edit, verb, test, remove),
      h('div', { class: 'row-links' }, why, chart, deliveries),
    ),
  );
  edit.addEventListener('click', () => alertDialog(context, alert));
  why.addEventListener('click', () => alertDialog(context, alert));
  test.addEventListener('click', () => void whileBusy(test, () => sendTest(context, alert)));
  remove.addEventListener('click', () => void whileBusy(remove, () => removeAlert(context, alert)));
  verb.addEventListener('click', () => void whileBusy(verb, () => act()));

  async function act(): Promise<void> {
    switch (verbOf(alert)) {
      case 'Snooze 1 h':
        await snooze(context, alert, snoozeUntil('hour', store.now()));
        break;
      case 'End snooze':
        await snooze(context, alert, null);
        break;
      case 'Resume':
      case 'Again':
        if (await wanted()) await setActive(context, alert, true);
        break;
    }
  }

  /** Asks about an alert that would fire at once. */
  async function wanted(): Promise<boolean> {
    const present = store.prices.get(alert.ticker)?.price?.price ?? null;
    if (present === null || !isLine(alert) || alert.when !== undefined) return true;
    if (!holdsAlready(alert.condition, alert.target_price, present)) return true;
    return confirmDialog(
      'Fire at once?',
      `${alert.ticker} is at ${groupDigits(present)}: ${alertTitle(alert, groupDigits)} holds already, so it fires as soon as it is active.`,
      'Start it',
    );
  }

  return {
    element,
    update(next) {
      alert = next;
      const sentence = alertTitle(alert, groupDigits);
      const side = alert.says === undefined ? alert.condition : null;
      if (box.checked !== selection.has(alert.id)) box.checked = selection.has(alert.id);
      setAttribute(box, 'aria-label', `Select ${sentence}`);
      setText(sign, side === null ? '' : conditionSign(side));
      setAttribute(sign, 'data-side', side === null ? null : sideOf(side));
      setText(name, side === null ? sentence : alert.ticker);
      setText(words, side === null ? '' : sentence.slice(alert.ticker.length + 1));
      setText(note, alert.note);
      setAttribute(note, 'title', alert.note.length > 80 ? alert.note : null);
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
      const waits = store.blind.has(alert.ticker) && alertState(alert) === 'active';
      setText(state, waits ? 'Waiting for a price' : alertStatusInWords(alert));
      setText(late, alert.late ? lateInWords(alert, store) : '');
      setAttribute(state, 'data-state', waits ? 'degraded' : alertState(alert));
      if (alert.is_active && (alert.firings ?? 0) === 0) {
        when.set(`since ${formatTime(alert.created_at)}`, alert.created_at);
        setText(firedAt, '');
      } else {
        when.set(alert.triggered_at === null ? '' : formatTime(alert.triggered_at), alert.triggered_at);
        setText(firedAt, alert.triggered_price === null ? '' : ` at ${groupDigits(alert.triggered_price)}`);
      }
      setText(url, shortUrl(alert.webhook_url));
      setAttribute(url, 'title', alert.webhook_url);
      const endpoint = `#/endpoints/${endpointId(alert.webhook_url)}`;
      setAttribute(url, 'href', endpoint);
      setAttribute(enable, 'href', endpoint);
      show(unwatched, alert.is_active && alert.watched === false);
      setText(unwatched, unwatchedInWords(alert));
      show(disabled, alert.endpoint_disabled_at !== undefined);
      setText(verb, verbOf(alert));
      setAttribute(verb, 'title', `${verbOf(alert)}: ${sentence}`);
      setAttribute(edit, 'title', `Edit ${sentence}`);
      setAttribute(why, 'aria-label', `Why? ${sentence}`);
      setAttribute(why, 'title', alert.is_active ? 'Why it has not fired' : 'Why it fired');
      setAttribute(test, 'title', `Send a test webhook for ${sentence}`);
      setAttribute(remove, 'title', `Delete ${sentence}`);
      setAttribute(chart, 'aria-label', `Chart of ${alert.ticker}`);
      setAttribute(deliveries, 'aria-label', `Deliveries of ${sentence}`);
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
