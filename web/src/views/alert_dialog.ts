// One alert: what it waits for and why it has not fired, its firings, and what of it can be changed.
import { bodyOf, formatOfUrl, withRaw } from '../alert_body.ts';
import { ApiError, messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { groupDigits, hasDecimalComma, readEntry, whyNoPrice } from '../decimal.ts';
import { h, setText, show, whileBusy } from '../dom.ts';
import { errorRegion, field, showErrors, type Field, type Input } from '../field.ts';
import { alertStatusInWords, alertTitle, formatTime } from '../format.ts';
import { blanksOf, fillIn, whenJson, windows, type Blank } from '../rules.ts';
import { toast } from '../toast.ts';
import { isLine, type Alert, type AlertStateAnswer, type FiringAnswer } from '../types.ts';

const firingsShown = 5;
const hour = 3_600_000;

export function alertDialog(context: Context, first: Alert): void {
  const { api, store } = context;
  let alert = first;
  const path = `/api/v1/alerts/${alert.id}`;
  const decimalComma = hasDecimalComma(navigator.language);

  const heading = h('h2', { id: 'alert-dialog-title' });
  const status = h('p', { class: 'muted' });
  const why = h('p', { role: 'status' }, 'Asking why…');
  const firings = h('ul', { class: 'firings' });
  const error = errorRegion();

  // What it waits for. A rule of one number is shown as that number.
  const blanks: Blank[] = alert.when
    ? blanksOf(alert.when)
    : isLine(alert)
      ? [{ label: 'Level', kind: 'number', value: alert.target_price }]
      : [];
  const blankFields = blanks.map(blankField);
  const hold = textField('Must hold for', alert.for ?? '', 'For example 5m; empty: fires at once');
  const repeats = field(
    'Fires',
    h(
      'select',
      { name: 'repeat' },
      h('option', { value: 'once' }, 'once'),
      h('option', { value: 'every' }, 'every time'),
    ),
  );
  repeats.input.value = alert.repeat ? 'every' : 'once';
  const cooldown = textField('Not again within', alert.repeat?.cooldown ?? '5m', 'At least 10s');
  const rearm = textField('When it has been back by', alert.repeat?.rearm ?? '', 'For example 0.5%');
  const repeatFields = h('div', { class: 'pair' }, cooldown.element, rearm.element);
  const until = field('Until', h('input', { type: 'datetime-local', name: 'expires_at' }), 'Empty: for ever');
  until.input.value = localTime(alert.expires_at ?? null);
  const url = field('Webhook URL', h('input', { type: 'url', inputmode: 'url', maxlength: '2048' }));
  url.input.value = alert.webhook_url;
  const note = textField('Note', alert.note, 'Included in the webhook', 500);
  const message = textField(
    'Message',
    alert.message ?? '',
    'In place of our sentence; {{price}} and others are filled in',
    500,
  );

  const save = h('button', { type: 'submit', class: 'primary' }, 'Save');
  const snooze = h('button', { type: 'button' });
  const pause = h('button', { type: 'button' });
  const duplicate = h('button', { type: 'button', title: 'Makes the same alert again' }, 'Start again');
  const close = h('button', { type: 'button' }, 'Close');
  const form = h(
    'form',
    { novalidate: true, 'aria-label': 'Edit alert' },
    h('div', { class: 'pair' }, ...blankFields.map((f) => f.element)),
    h('div', { class: 'pair' }, hold.element, repeats.element),
    repeatFields,
    h('div', { class: 'pair' }, until.element, url.element),
    message.element,
    note.element,
    error.element,
    h('div', { class: 'actions' }, save, snooze, pause, duplicate, close),
  );
  const dialog = h(
    'dialog',
    { class: 'alert-dialog', 'aria-labelledby': heading.id },
    heading,
    status,
    why,
    firings,
    form,
  );

  function render(): void {
    setText(heading, alertTitle(alert, groupDigits));
    setText(status, alertStatusInWords(alert));
    setText(snooze, alert.status === 'snoozed' ? 'End snooze' : 'Snooze 1 h');
    setText(pause, alert.status === 'paused' ? 'Resume' : 'Pause');
    show(snooze, alert.is_active);
    show(pause, alert.is_active || alert.status === 'paused');
    show(duplicate, !alert.is_active && alert.status !== 'paused');
    show(repeatFields, repeats.input.value === 'every');
  }

  async function load(): Promise<void> {
    const [state, fired] = await Promise.allSettled([
      api.get<AlertStateAnswer>(`${path}/state`),
      api.get<FiringAnswer[]>(`${path}/firings?limit=${firingsShown}`),
    ]);
    setText(why, state.status === 'fulfilled' ? state.value.body.says : messageOf(state.reason));
    const known = fired.status === 'fulfilled' ? fired.value.body : [];
    firings.replaceChildren(
      ...known.map((f) => h('li', null, `${f.number}. ${formatTime(f.fired_at)}: ${f.because}`)),
    );
    show(firings, known.length > 0);
  }

  async function change(body: string, done: string): Promise<boolean> {
    const mark = store.mark();
    try {
      alert = await api.patch<Alert>(path, body);
    } catch (failed) {
      report(failed);
      return false;
    }
    store.putAlert(alert, mark);
    toast(done, 'good');
    render();
    void load();
    return true;
  }

  function report(failed: unknown): void {
    if (!(failed instanceof ApiError) || failed.fields.length === 0) return error.set(messageOf(failed));
    const level = blankFields[0];
    const named: Record<string, Field> = {
      for: hold,
      repeat: cooldown,
      expires_at: until,
      webhook_url: url,
      note,
      message,
    };
    if (level !== undefined) Object.assign(named, { when: level, target_price: level });
    showErrors(failed, named, error);
  }

  /** The members that differ from the alert's; null if a field cannot be read. */
  function changes(): string | null {
    const members: Record<string, unknown> = {};
    const raw: Record<string, string> = {};
    const values = blanks.map((blank, i) => readBlank(blank, blankFields[i]!.input));
    for (const [i, value] of values.entries()) {
      if (value !== null) continue;
      blankFields[i]!.setError(whyNoPrice(blankFields[i]!.input.value, decimalComma));
      blankFields[i]!.input.focus();
      return null;
    }
    if (values.some((value, i) => value !== blanks[i]!.value)) {
      if (alert.when !== undefined) raw['when'] = whenJson(fillIn(alert.when, values as string[]));
      else raw['target_price'] = values[0]!;
    }
    const text = (f: Field): string => f.input.value.trim();
    if (text(hold) !== (alert.for ?? '')) members['for'] = text(hold) === '' ? null : text(hold);
    if (repeats.input.value === 'once') {
      if (alert.repeat) members['repeat'] = null;
    } else if (
      !alert.repeat ||
      text(cooldown) !== alert.repeat.cooldown ||
      text(rearm) !== alert.repeat.rearm
    ) {
      members['repeat'] = {
        cooldown: text(cooldown),
        ...(text(rearm) === '' ? {} : { rearm: text(rearm) }),
        ...(alert.repeat?.times ? { times: alert.repeat.times } : {}),
      };
    }
    if (until.input.value !== localTime(alert.expires_at ?? null))
      members['expires_at'] = until.input.value === '' ? null : new Date(until.input.value).toISOString();
    if (text(url) !== alert.webhook_url) {
      members['webhook_url'] = text(url);
      if (alert.format !== 'template' && formatOfUrl(text(url)) !== 'json')
        members['format'] = formatOfUrl(text(url));
    }
    if (text(note) !== alert.note) members['note'] = text(note) === '' ? null : text(note);
    if (text(message) !== (alert.message ?? ''))
      members['message'] = text(message) === '' ? null : text(message);
    return Object.keys(members).length + Object.keys(raw).length === 0 ? '' : withRaw(members, raw);
  }

  function readBlank(blank: Blank, input: Input): string | null {
    const value = input.value.trim();
    if (blank.kind !== 'number' || value === blank.value) return value;
    return readEntry(value, decimalComma, store.prices.get(alert.ticker)?.price?.price ?? null);
  }

  function blankField(blank: Blank): Field {
    const input =
      blank.kind === 'window'
        ? h('select', null, ...windows.map((each) => h('option', { value: each }, each)))
        : h('input', {
            inputmode: blank.kind === 'number' ? 'decimal' : 'text',
            autocomplete: 'off',
            maxlength: '40',
          });
    input.value = blank.value;
    return field(blank.label, input, blank.kind === 'change' ? 'For example 5%, -3% or -500' : undefined);
  }

  repeats.input.addEventListener('change', render);
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    error.set('');
    const body = changes();
    if (body === null) return;
    if (body === '') return dialog.close();
    void whileBusy(save, async () => {
      if (await change(body, 'Saved.')) dialog.close();
    });
  });
  snooze.addEventListener('click', () => {
    const to = alert.status === 'snoozed' ? null : new Date(store.now() + hour).toISOString();
    const done = to === null ? 'The snooze has ended.' : `Snoozed until ${formatTime(to)}.`;
    void whileBusy(snooze, () => change(JSON.stringify({ snoozed_until: to }), done));
  });
  pause.addEventListener('click', () => {
    const active = alert.status === 'paused';
    void whileBusy(pause, () =>
      change(JSON.stringify({ is_active: active }), active ? 'It is active again.' : 'Paused.'),
    );
  });
  duplicate.addEventListener('click', () => {
    void whileBusy(duplicate, async () => {
      try {
        store.putAlert(await api.post<Alert>('/api/v1/alerts/', bodyOf(alert, store.now())));
        toast(`Alert created: ${alertTitle(alert, groupDigits)}.`, 'good');
        dialog.close();
      } catch (failed) {
        report(failed);
      }
    });
  });
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  render();
  document.body.append(dialog);
  dialog.showModal();
  void load();
}

function textField(label: string, value: string, hint: string, longest = 40): Field {
  const out = field(label, h('input', { autocomplete: 'off', maxlength: String(longest) }), hint);
  out.input.value = value;
  return out;
}

/** For a datetime-local field: local time to the minute. */
function localTime(time: string | null): string {
  if (time === null) return '';
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
