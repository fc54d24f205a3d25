// One alert: what it waits for and why it has not fired, its firings and deliveries, and what of it can be changed.
import { removeAlert, sendTest, setActive, snooze, snoozeUntil } from '../alert_actions.ts';
import { copyOf, isUnchanged, patchOf, type Edits } from '../alert_edit.ts';
import { ApiError, messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, newId, setAttribute, setText, show, whileBusy } from '../dom.ts';
import { errorRegion, showErrors } from '../field.ts';
import { alertStatusInWords, alertTitle, formatTime } from '../format.ts';
import { toast } from '../toast.ts';
import type { Alert, AlertStateAnswer, Delivery, FiringAnswer } from '../types.ts';
import { alertFields } from './alert_fields.ts';
import { stateOf } from './delivery_row.ts';

const firingsShown = 5;
const deliveriesShown = 3;

export function alertDialog(context: Context, first: Alert): void {
  const { api, store } = context;
  let alert = first;
  const path = `/api/v1/alerts/${alert.id}`;

  const heading = h('h2', { id: newId() });
  const status = h('p', { class: 'muted' });
  const why = h('p', { role: 'status' }, 'Asking why…');
  const firings = h('ul', { class: 'firings', 'aria-label': 'Firings' });
  const deliveries = h('ul', { class: 'firings' });
  const allDeliveries = h('a', { href: `#/deliveries?alert=${first.id}` }, 'All deliveries');
  const sent = h('div', { class: 'sent' }, h('h3', null, 'Last deliveries'), deliveries, allDeliveries);
  const error = errorRegion();
  const fields = alertFields(alert, () => store.prices.get(alert.ticker)?.price?.price ?? null);

  const save = h('button', { type: 'submit', class: 'primary' }, 'Save');
  const copy = h('button', { type: 'button', title: 'Makes another alert of what stands here' }, 'Duplicate');
  const snoozeHour = h('button', { type: 'button' });
  const snoozeDay = h('button', { type: 'button' }, 'Snooze until tomorrow');
  const pause = h('button', { type: 'button' });
  const test = h('button', { type: 'button' }, 'Send test');
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete');
  const close = h('button', { type: 'button' }, 'Close');
  const form = h(
    'form',
    { novalidate: true, 'aria-label': 'Edit alert' },
    h('div', { class: 'actions' }, snoozeHour, snoozeDay, pause, test, remove),
    ...fields.elements,
    error.element,
    h('div', { class: 'actions' }, save, copy, close),
  );
  const dialog = h(
    'dialog',
    { class: 'alert-dialog', 'aria-labelledby': heading.id },
    heading,
    status,
    why,
    firings,
    sent,
    form,
  );

  function render(): void {
    setText(heading, alertTitle(alert, groupDigits));
    setText(status, alertStatusInWords(alert));
    setText(snoozeHour, alert.status === 'snoozed' ? 'End snooze' : 'Snooze 1 h');
    setText(pause, alert.is_active ? 'Pause' : alert.status === 'paused' ? 'Resume' : 'Start again');
    show(snoozeHour, alert.is_active);
    show(snoozeDay, alert.is_active && alert.status !== 'snoozed');
  }

  async function load(): Promise<void> {
    const [state, fired, made] = await Promise.allSettled([
      api.get<AlertStateAnswer>(`${path}/state`),
      api.get<FiringAnswer[]>(`${path}/firings?limit=${firingsShown}`),
      api.get<Delivery[]>(`${path}/deliveries?limit=${deliveriesShown}`),
    ]);
    setText(why, state.status === 'fulfilled' ? state.value.body.says : messageOf(state.reason));
    const known = fired.status === 'fulfilled' ? fired.value.body : [];
    firings.replaceChildren(
      ...known.map((f) => h('li', null, `${f.number}. ${formatTime(f.fired_at)}: ${f.because}`)),
    );
    show(firings, known.length > 0);
    const last = made.status === 'fulfilled' ? made.value.body : [];
    deliveries.replaceChildren(...last.map(deliveryItem));
    show(sent, last.length > 0);
  }

  function deliveryItem(delivery: Delivery): HTMLElement {
    const { name, text } = stateOf(delivery);
    const link = h(
      'a',
      { href: `#/deliveries/${delivery.id}?alert=${alert.id}` },
      `${formatTime(delivery.created_at)}${delivery.kind === 'alert' ? '' : `, ${delivery.kind}`}`,
    );
    link.addEventListener('click', () => dialog.close());
    const reason = delivery.status === 'delivered' ? '' : (delivery.reason ?? '');
    return h('li', null, link, ' ', h('span', { class: 'badge', 'data-state': name }, text), ' ', reason);
  }

  function report(failed: unknown): void {
    if (!(failed instanceof ApiError) || failed.fields.length === 0) return error.set(messageOf(failed));
    showErrors(failed, fields.named, error);
  }

  async function change(edits: Edits): Promise<void> {
    const mark = store.mark();
    try {
      alert = await api.patch<Alert>(path, patchOf(edits));
    } catch (failed) {
      return report(failed);
    }
    store.putAlert(alert, mark);
    toast('Saved.', 'good');
    dialog.close();
  }

  async function makeCopy(edits: Edits): Promise<void> {
    try {
      const made = await api.post<Alert>('/api/v1/alerts/', copyOf(alert, edits, store.now()));
      store.putAlert(made);
      toast(`Alert created: ${alertTitle(made, groupDigits)}.`, 'good');
      dialog.close();
    } catch (failed) {
      report(failed);
    }
  }

  /** What is done at once, whatever stands in the fields. */
  async function act(work: () => Promise<Alert | null>): Promise<void> {
    error.set('');
    const changed = await work();
    if (changed === null) return;
    alert = changed;
    render();
    void load();
  }

  form.addEventListener('submit', (e) => {
    e.preventDefault();
    error.set('');
    const edits = fields.edits();
    if (edits === null) return;
    if (isUnchanged(edits)) return dialog.close();
    void whileBusy(save, () => change(edits));
  });
  copy.addEventListener('click', () => {
    error.set('');
    const edits = fields.edits();
    if (edits !== null) void whileBusy(copy, () => makeCopy(edits));
  });
  const now = (): number => store.now();
  snoozeHour.addEventListener('click', () => {
    const until = alert.status === 'snoozed' ? null : snoozeUntil('hour', now());
    void whileBusy(snoozeHour, () => act(() => snooze(context, alert, until)));
  });
  snoozeDay.addEventListener('click', () => {
    void whileBusy(snoozeDay, () => act(() => snooze(context, alert, snoozeUntil('tomorrow', now()))));
  });
  pause.addEventListener('click', () => {
    void whileBusy(pause, () => act(() => setActive(context, alert, !alert.is_active)));
  });
  test.addEventListener('click', () => void whileBusy(test, () => sendTest(context, alert)));
  remove.addEventListener('click', () => {
    void whileBusy(remove, async () => {
      await removeAlert(context, alert);
      if (store.alert(alert.id) === undefined) dialog.close();
    });
  });
  allDeliveries.addEventListener('click', () => dialog.close());
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  setAttribute(remove, 'title', 'Delete this alert');
  show(sent, false);
  render();
  document.body.append(dialog);
  dialog.showModal();
  void load();
}
