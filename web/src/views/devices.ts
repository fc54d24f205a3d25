// The devices that are notified while the page is closed, and whether this one is.
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { h, KeyedList, setText, show, whileBusy, type Row } from '../dom.ts';
import { errorRegion } from '../field.ts';
import { formatMoment } from '../format.ts';
import { canPush, pushProblem } from '../push.ts';
import { toast } from '../toast.ts';
import type { Device, Devices } from '../types.ts';

function factsOf({ host, created_at, last_success_at, last_failure }: Device): string {
  const failed = last_failure !== null && (last_success_at === null || last_success_at < last_failure.at);
  const last = failed
    ? `The last push failed: ${last_failure.reason}.`
    : last_success_at === null
      ? 'Nothing was sent yet.'
      : `Last reached ${formatMoment(last_success_at)}.`;
  return `${host}, since ${formatMoment(created_at)}. ${last}`;
}

export function devicesPart({ push, session, notifier }: Context): HTMLElement {
  const here = h('input', { type: 'checkbox', disabled: true });
  const problem = errorRegion();
  const none = h('p', { class: 'hint' });
  const list = h('ul', { class: 'devices', 'aria-label': 'Devices' });
  const rows = new KeyedList<Device>(list, (device) => device.id, deviceRow);
  let known: Devices | null = null;

  function deviceRow(device: Device): Row<Device> {
    const name = h('strong');
    const facts = h('span', { class: 'hint' });
    const button = (text: string, run: () => Promise<void>): HTMLButtonElement => {
      const made = h('button', { type: 'button', 'aria-label': `${text}: ${device.label}` }, text);
      made.addEventListener('click', () => void whileBusy(made, () => tell(run)));
      return made;
    };
    return {
      element: h(
        'li',
        null,
        h('span', { class: 'device' }, name, facts),
        button('Send a test', async () => {
          await push.test(device.id);
          toast(`A test is on its way to ${device.label}.`);
        }),
        button('Remove', async () => {
          await push.turnOff(device.id);
          await load();
        }),
      ),
      update(now) {
        setText(name, now.id === session.device?.id ? `${now.label} (this device)` : now.label);
        setText(facts, factsOf(now));
      },
    };
  }

  async function tell(work: () => Promise<void>): Promise<void> {
    problem.set('');
    try {
      await work();
    } catch (error) {
      problem.set(pushProblem(error) ?? messageOf(error));
    }
    render();
  }

  async function load(): Promise<void> {
    known = await push.devices();
  }

  function render(): void {
    here.checked = known !== null && push.isOn(known);
    const off = known?.public_key === null;
    here.disabled = known === null || off || !canPush();
    rows.show(known?.subscriptions ?? []);
    show(list, (known?.subscriptions.length ?? 0) > 0);
    setText(
      none,
      off
        ? 'This server sends no pushes.'
        : canPush()
          ? 'Pushes reach this device through its browser’s push service, which cannot read them.'
          : 'This browser has no pushes. On an iPhone, add the page to the home screen first.',
    );
  }

  here.addEventListener('change', () => {
    const on = here.checked;
    here.disabled = true;
    void tell(async () => {
      if (!on) await push.turnOff(session.device!.id);
      else if (!(await push.turnOn())) problem.set('Notifications are blocked for this site.');
      notifier.changed();
      await load();
    });
  });
  render();
  void tell(load);
  return h(
    'div',
    { class: 'push' },
    h('label', { class: 'check' }, here, 'Notify this device while the page is closed'),
    problem.element,
    none,
    list,
  );
}
