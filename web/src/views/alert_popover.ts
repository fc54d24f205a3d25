// One alert, beside its line on the chart: what it waits for and why, its last deliveries, and what can be done with it.
import { removeAlert, sendTest, setActive, snooze, snoozeUntil } from '../alert_actions.ts';
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, setText, show, whileBusy } from '../dom.ts';
import { alertStatusInWords, alertTitle, formatTime, statusInWords } from '../format.ts';
import type { Alert, AlertStateAnswer, Delivery } from '../types.ts';
import { alertDialog } from './alert_dialog.ts';

const deliveriesShown = 3;

/** `duplicate` puts the same into the form of a new alert. */
export function alertPopover(
  context: Context,
  id: string,
  beside: HTMLElement,
  duplicate: (alert: Alert) => void,
): void {
  const { api, store } = context;
  const first = store.alert(id);
  if (first === undefined) return;
  let alert = first;
  const heading = h('h2', { id: 'alert-popover-title', tabindex: '-1' });
  const status = h('p', { class: 'muted' });
  const note = h('p', { class: 'note' });
  const why = h('p', { role: 'status' });
  const deliveries = h('ul', { 'aria-label': 'Last deliveries' });
  const button = (text: string, run: () => unknown, danger = false): HTMLButtonElement => {
    const made = h('button', { type: 'button', class: danger ? 'danger' : null }, text);
    made.addEventListener('click', () => void whileBusy(made, async () => run()));
    return made;
  };
  const edit = button('Edit', () => {
    close();
    alertDialog(context, alert);
  });
  const pause = button('Pause', () => setActive(context, alert, alert.status === 'paused'));
  const mute = button('Snooze 1 h', () =>
    snooze(context, alert, alert.status === 'snoozed' ? null : snoozeUntil('hour', store.now())),
  );
  const tomorrow = button('Until tomorrow', () =>
    snooze(context, alert, snoozeUntil('tomorrow', store.now())),
  );
  const again = button('Duplicate', () => {
    close();
    duplicate(alert);
  });
  const test = button('Send test', () => sendTest(context, alert));
  const remove = button(
    'Delete',
    async () => {
      close();
      await removeAlert(context, alert);
    },
    true,
  );
  const whyButton = button('Why?', () => explain());
  const element = h(
    'div',
    { class: 'popover', popover: 'auto', role: 'dialog', 'aria-labelledby': heading.id },
    heading,
    status,
    note,
    why,
    deliveries,
    h('div', { class: 'actions' }, edit, pause, mute, tomorrow, again, test, whyButton, remove),
  );

  function close(): void {
    element.hidePopover();
  }

  function render(): void {
    const now = store.alert(id);
    if (now === undefined) return close();
    alert = now;
    setText(heading, alertTitle(alert, groupDigits));
    setText(status, alertStatusInWords(alert));
    setText(note, alert.note);
    show(note, alert.note !== '');
    setText(pause, alert.status === 'paused' ? 'Resume' : 'Pause');
    setText(mute, alert.status === 'snoozed' ? 'End snooze' : 'Snooze 1 h');
    show(mute, alert.is_active);
    show(tomorrow, alert.is_active && alert.status !== 'snoozed');
  }

  async function explain(): Promise<void> {
    setText(why, 'Asking why…');
    try {
      const { body } = await api.get<AlertStateAnswer>(`/api/v1/alerts/${id}/state`);
      setText(why, body.says);
    } catch (error) {
      setText(why, messageOf(error));
    }
  }

  async function loadDeliveries(): Promise<void> {
    try {
      const { body } = await api.get<Delivery[]>(`/api/v1/alerts/${id}/deliveries?limit=${deliveriesShown}`);
      deliveries.replaceChildren(
        ...body.map((delivery) =>
          h(
            'li',
            null,
            h('a', { href: `#/deliveries/${delivery.id}` }, formatTime(delivery.created_at)),
            ` ${delivery.kind === 'alert' ? '' : `${delivery.kind}, `}${statusInWords(delivery.status).toLowerCase()}`,
          ),
        ),
      );
      show(deliveries, body.length > 0);
    } catch {
      // They are also in their own view.
    }
  }

  const stop = store.on(['alerts'], render);
  element.addEventListener('toggle', (e) => {
    if ((e as ToggleEvent).newState !== 'closed') return;
    stop();
    // Unless a press elsewhere has moved the focus already.
    if (element.contains(document.activeElement) || document.activeElement === document.body) beside.focus();
    element.remove();
  });
  show(deliveries, false);
  render();
  document.body.append(element);
  element.showPopover();
  place(element, beside);
  heading.focus();
  void loadDeliveries();
}

/** Within the window, above or below the line's label. */
function place(element: HTMLElement, beside: HTMLElement): void {
  const label = (beside.firstElementChild ?? beside).getBoundingClientRect();
  const { width, height } = element.getBoundingClientRect();
  const room = 8;
  const left = Math.max(room, Math.min(innerWidth - width - room, label.right - width));
  const below = label.bottom + room;
  const top = below + height <= innerHeight - room ? below : Math.max(room, label.top - height - room);
  element.style.left = `${left}px`;
  element.style.top = `${top}px`;
}
