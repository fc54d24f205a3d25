// The fields of an alert that can be edited.
import type { Edits } from '../alert_edit.ts';
import { formatOfUrl, formats, urlsOf } from '../alert_body.ts';
import { repetitions } from '../alert_more.ts';
import { groupDigits, readEntry, whyNoPrice } from '../decimal.ts';
import { h, selectOf, setText, show } from '../dom.ts';
import { field, momentField, type Field, type Input } from '../field.ts';
import { alertTitle } from '../format.ts';
import { placeholderField } from '../placeholder_field.ts';
import { blanksOf, fillIn, windows, type Blank } from '../rules.ts';
import { isLine, type Alert } from '../types.ts';
import { decimalComma } from '../sentence_fields.ts';

export interface AlertFields {
  elements: HTMLElement[];
  /** By the names that the server uses in its errors. */
  named: Record<string, Field>;
  /** Null if a field cannot be read; it is marked and has the focus. */
  edits(): Edits | null;
}

export function alertFields(alert: Alert, priceOf: () => string | null): AlertFields {
  // What it waits for. A rule of one number is shown as that number.
  const blanks: Blank[] = alert.when
    ? blanksOf(alert.when)
    : isLine(alert)
      ? [{ label: 'Level', kind: 'number', value: alert.target_price }]
      : [];
  const blankFields = blanks.map(blankField);
  const hold = textField('Must hold for', alert.for ?? '', 'For example 5m; empty: fires at once');
  const repeats = field('Fires', selectOf(repetitions));
  repeats.input.value = alert.repeat ? 'every' : 'once';
  const cooldown = textField('Not again within', alert.repeat?.cooldown ?? '5m', 'At least 10s');
  const rearm = textField('When it has been back by', alert.repeat?.rearm ?? '', 'For example 0.5%');
  const repeatFields = h('div', { class: 'pair' }, cooldown.element, rearm.element);
  const until = momentField('Until', 'empty: for ever');
  until.set(alert.expires_at ?? null);
  const shownUntil = until.input.value;
  const within = textField('Deliver within', alert.deliver_within, 'A webhook that comes later is not sent');
  const urlHint = h('p', { class: 'hint' });
  const url = field('Webhook URL', h('input', { type: 'url', inputmode: 'url', maxlength: '2048' }), urlHint);
  url.input.value = alert.webhook_url;
  const format = field('Format', selectOf([...formats, ['template', 'Own body']]));
  format.input.value = alert.format;
  const note = textField('Note', alert.note, 'Included in the webhook', 500);
  const message = withPlaceholders('Message', 'In place of our sentence', alert.message ?? '', 1000);
  const template = withPlaceholders(
    'Body',
    'Sent as it is, with these filled in',
    alert.template?.body ?? '',
    8000,
    () => type.input.value.includes('json'),
  );
  const type = textField('Content type', alert.template?.content_type ?? 'application/json', '', 100);
  const templateFields = h('div', { class: 'template-fields' }, template.element, type.element);

  function withPlaceholders(
    label: string,
    hint: string,
    value: string,
    longest: number,
    isJson?: () => boolean,
  ): Field {
    const example = () => ({
      of: { ...alert, sentence: alertTitle(alert, groupDigits) },
      price: priceOf() ?? '70000',
    });
    const out = placeholderField(label, hint, longest, example, isJson);
    out.input.value = value;
    return out;
  }

  function render(): void {
    show(repeatFields, repeats.input.value === 'every');
    show(templateFields, format.input.value === 'template');
    show(message.element, format.input.value !== 'template');
    const looks = urlsOf[format.input.value] ?? '';
    setText(urlHint, looks === '' ? '' : `Looks like ${looks}`);
    show(urlHint, looks !== '');
  }

  function textOf(of: Field): string {
    return of.input.value.trim();
  }

  function readBlank(blank: Blank, input: Input): string | null {
    const value = input.value.trim();
    if (blank.kind !== 'number' || value === blank.value) return value;
    return readEntry(value, decimalComma(), priceOf());
  }

  function editLevels(edits: Edits): boolean {
    const values = blanks.map((blank, i) => readBlank(blank, blankFields[i]!.input));
    const wrong = values.indexOf(null);
    if (wrong >= 0) {
      const { input, setError } = blankFields[wrong]!;
      setError(whyNoPrice(input.value, decimalComma()));
      input.focus();
      return false;
    }
    if (values.every((value, i) => value === blanks[i]!.value)) return true;
    if (alert.when !== undefined) edits.when = fillIn(alert.when, values as string[]);
    else edits.target_price = values[0]!;
    return true;
  }

  function editRepeat(edits: Edits): void {
    if (repeats.input.value === 'once') {
      if (alert.repeat) edits.repeat = null;
      return;
    }
    const [pause, back] = [textOf(cooldown), textOf(rearm)];
    if (alert.repeat && pause === alert.repeat.cooldown && back === alert.repeat.rearm) return;
    edits.repeat = {
      cooldown: pause,
      ...(back === '' ? {} : { rearm: back }),
      ...(alert.repeat?.times ? { times: alert.repeat.times } : {}),
    } as NonNullable<Alert['repeat']>;
  }

  function editFormat(edits: Edits): void {
    if (format.input.value !== alert.format) edits.format = format.input.value;
    if (format.input.value !== 'template') return;
    if (
      template.input.value !== (alert.template?.body ?? '') ||
      textOf(type) !== (alert.template?.content_type ?? 'application/json')
    ) {
      edits.template = { body: template.input.value, content_type: textOf(type) };
    }
  }

  for (const { input } of [repeats, format]) input.addEventListener('change', render);
  url.input.addEventListener('input', () => {
    const fits = formatOfUrl(textOf(url));
    if (fits !== 'json' && format.input.value !== 'template') format.input.value = fits;
    render();
  });
  render();
  const level = blankFields[0];
  return {
    elements: [
      h('div', { class: 'pair' }, ...blankFields.map((f) => f.element)),
      h('div', { class: 'pair' }, hold.element, repeats.element),
      repeatFields,
      h('div', { class: 'pair' }, until.element, within.element),
      h('div', { class: 'pair' }, url.element, format.element),
      templateFields,
      message.element,
      note.element,
    ],
    named: {
      ...(level === undefined ? {} : { when: level, target_price: level }),
      for: hold,
      repeat: cooldown,
      expires_at: until,
      deliver_within: within,
      webhook_url: url,
      format,
      template,
      note,
      message,
    },
    edits() {
      const edits: Edits = {};
      if (!editLevels(edits)) return null;
      if (textOf(hold) !== (alert.for ?? '')) edits.for = textOf(hold) === '' ? null : textOf(hold);
      editRepeat(edits);
      if (until.input.value !== shownUntil) edits.expires_at = until.time();
      if (textOf(within) !== alert.deliver_within) edits.deliver_within = textOf(within);
      if (textOf(url) !== alert.webhook_url) edits.webhook_url = textOf(url);
      editFormat(edits);
      if (textOf(note) !== alert.note) edits.note = textOf(note);
      if (textOf(message) !== (alert.message ?? ''))
        edits.message = textOf(message) === '' ? null : textOf(message);
      return edits;
    },
  };
}

function blankField(blank: Blank): Field {
  const input =
    blank.kind === 'window'
      ? selectOf(windows.map((each) => [each, each]))
      : h('input', {
          inputmode: blank.kind === 'number' ? 'decimal' : 'text',
          autocomplete: 'off',
          maxlength: '40',
        });
  input.value = blank.value;
  return field(blank.label, input, blank.kind === 'change' ? 'For example 5%, -3% or -500' : undefined);
}

function textField(label: string, value: string, hint: string, longest = 40): Field {
  const input = h('input', { autocomplete: 'off', maxlength: String(longest) });
  input.value = value;
  return hint === '' ? field(label, input) : field(label, input, hint);
}
