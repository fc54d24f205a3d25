// The rest of a new alert's form, behind "More": how long, how often, until when, and what is said.
import { h, selectOf, setText, show } from './dom.ts';
import { field, momentField, type Field } from './field.ts';
import { placeholderField, type Example } from './placeholder_field.ts';
import type { Alert } from './types.ts';

/** How often it fires; behind "every time" there is more to choose. */
export const repetitions = [
  ['once', 'once'],
  ['every', 'every time'],
] as const;

export class MoreFields {
  readonly element: HTMLDetailsElement;
  readonly fields: Record<string, Field>;
  private readonly hold: Field;
  private readonly repeats: Field;
  private readonly cooldown: Field;
  private readonly rearm: Field;
  private readonly times: Field;
  private readonly until: ReturnType<typeof momentField>;
  private readonly within: Field;
  private readonly note: Field;
  private readonly message: Field;
  private readonly body: Field;
  private readonly contentType: Field;
  private readonly summary = h('summary', null, 'More: for · repeat · until · message · format');
  private readonly repeatFields: HTMLElement;
  private readonly ownBody: HTMLElement;

  /** `format` is shown here; `onChange` is called when what the alert does has changed, not only what it says. */
  constructor(format: Field, onChange: () => void, example: () => Example) {
    this.hold = text('And stays so for', 'for', 'At once', 'For example 5m');
    this.repeats = field('Fires', selectOf(repetitions, { name: 'repeat' }));
    this.cooldown = text('Not again within', 'cooldown', '5m', 'At least 10s');
    this.rearm = text('When it has been back by', 'rearm', '0.5%', 'For example 0.5% or 100');
    this.times = text('At most', 'times', 'Any number of', 'How many times');
    this.until = momentField('Until', 'empty: for ever');
    this.within = field(
      'Deliver within',
      selectOf(
        ['24h', '1h', '15m', '5m', '1m'].map((each) => [each, each]),
        { name: 'deliver_within' },
      ),
      'After that the webhook is given up',
    );
    this.note = text('Note', 'note', 'Optional', 'Included in the webhook', 500);
    this.message = placeholderField('Message', 'In place of our sentence', 1000, example);
    this.body = placeholderField('Own body', 'Sent in place of our JSON; empty: ours', 8000, example, () =>
      /^$|json/.test(valueOf(this.contentType)),
    );
    this.contentType = text('Its content type', 'content_type', 'application/json', '', 100);
    this.repeatFields = h(
      'div',
      { class: 'more-fields' },
      this.cooldown.element,
      this.rearm.element,
      this.times.element,
    );
    this.ownBody = h('div', { class: 'more-fields own-body' }, this.body.element, this.contentType.element);
    this.element = h(
      'details',
      { class: 'more-alert' },
      this.summary,
      h(
        'div',
        { class: 'more-fields' },
        this.hold.element,
        this.repeats.element,
        this.until.element,
        this.within.element,
        format.element,
        this.note.element,
      ),
      this.repeatFields,
      h('div', { class: 'more-message' }, this.message.element),
      this.ownBody,
    );
    this.fields = {
      for: this.hold,
      repeat: this.cooldown,
      cooldown: this.cooldown,
      rearm: this.rearm,
      times: this.times,
      expires_at: this.until,
      deliver_within: this.within,
      note: this.note,
      message: this.message,
      template: this.body,
      body: this.body,
      content_type: this.contentType,
    };
    for (const each of [this.repeats, ...Object.values(this.fields)])
      each.input.addEventListener('change', () => {
        this.render();
        onChange();
      });
    format.input.addEventListener('change', () => show(this.ownBody, format.input.value === 'json'));
    this.render();
  }

  setHold(value: string): void {
    this.hold.input.value = value;
    this.render();
  }

  /** What of it says when the alert fires. */
  conditions(): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    const hold = valueOf(this.hold);
    if (hold !== '') members['for'] = hold;
    if (this.repeats.input.value === 'every') {
      const [cooldown, rearm, times] = [this.cooldown, this.rearm, this.times].map(valueOf);
      members['repeat'] = {
        cooldown: cooldown === '' ? '5m' : cooldown,
        ...(rearm === '' ? {} : { rearm }),
        ...(times === '' ? {} : { times: Number(times) }),
      };
    }
    return members;
  }

  /** The members of the request, but for what is as by default. */
  members(format: string): Record<string, unknown> {
    const members = this.conditions();
    const [note, message] = [this.note, this.message].map(valueOf);
    const until = this.until.time();
    if (until !== null) members['expires_at'] = until;
    if (this.within.input.value !== '24h') members['deliver_within'] = this.within.input.value;
    if (note !== '') members['note'] = note;
    if (message !== '') members['message'] = message;
    return { ...members, ...this.template(format) };
  }

  /** The user's own body, if there is one, which is a format of its own. */
  template(format: string): Record<string, unknown> {
    const [body, type] = [this.body, this.contentType].map(valueOf);
    if (body === '' || format !== 'json') return {};
    return { format: 'template', template: { body, ...(type === '' ? {} : { content_type: type }) } };
  }

  /** What was entered is meant for one alert: none of it goes unseen into the next. */
  clear(): void {
    for (const each of Object.values(this.fields)) {
      each.setError('');
      each.input.value = '';
    }
    this.repeats.input.value = 'once';
    this.within.input.value = '24h';
    this.render();
  }

  fill(alert: Alert): void {
    this.hold.input.value = alert.for ?? '';
    this.repeats.input.value = alert.repeat ? 'every' : 'once';
    this.cooldown.input.value = alert.repeat?.cooldown ?? '';
    this.rearm.input.value = alert.repeat?.rearm ?? '';
    this.times.input.value = alert.repeat?.times == null ? '' : String(alert.repeat.times);
    this.note.input.value = alert.note;
    this.message.input.value = alert.message ?? '';
    this.body.input.value = alert.template?.body ?? '';
    this.contentType.input.value = alert.template?.content_type ?? '';
    if (
      [...(this.within.input as HTMLSelectElement).options].some(
        ({ value }) => value === alert.deliver_within,
      )
    )
      this.within.input.value = alert.deliver_within;
    this.render();
  }

  get noted(): string {
    return this.note.input.value;
  }

  private render(): void {
    show(this.repeatFields, this.repeats.input.value === 'every');
    const set = Object.keys(this.members('json')).filter((name) => name !== 'format').length;
    setText(
      this.summary,
      set === 0
        ? 'More: for · repeat · until · message · format'
        : `More (${set} set): for · repeat · until · message · format`,
    );
  }
}

function valueOf(each: Field): string {
  return each.input.value.trim();
}

function text(label: string, name: string, placeholder: string, hint: string, longest = 40): Field {
  const input = h('input', { name, placeholder, autocomplete: 'off', maxlength: String(longest) });
  return field(label, input, hint === '' ? undefined : hint);
}
