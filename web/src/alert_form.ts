// The form that creates an alert; its price comes from the chart, the arrow keys or typing.
import { alertBody, formatOfUrl } from './alert_body.ts';
import { ApiError, messageOf } from './api.ts';
import { conditionFor, holdsAlready } from './chart_geometry.ts';
import { conditions, conditionSign, type Condition } from './conditions.ts';
import type { Context } from './context.ts';
import { groupDigits, hasDecimalComma, nudgePrice, readPrice, whyNoPrice } from './decimal.ts';
import { h, setText, whileBusy } from './dom.ts';
import { errorRegion, field, showErrors, type Field } from './field.ts';
import { alertTitle, formatDistance } from './format.ts';
import { toast } from './toast.ts';
import type { Alert } from './types.ts';

export interface Draft {
  price: string;
  condition: Condition;
}

export class AlertForm {
  readonly element: HTMLFormElement;
  private readonly context: Context;
  private readonly onDraft: (draft: Draft | null) => void;
  private readonly stepOf: () => string;
  private readonly price: Field;
  private readonly condition: Field;
  private readonly url: Field;
  private readonly note: Field;
  private readonly format: Field;
  private readonly hint = h('p', { class: 'hint' });
  private readonly heading = h('h2', null, 'New alert');
  private readonly error = errorRegion();
  private readonly button = h('button', { type: 'submit', class: 'primary' }, 'Create alert');
  private readonly decimalComma = hasDecimalComma(navigator.language);
  private picked = ''; // the text that the chart or a key put into the field
  private ticker = '';
  private conditionChosen = false; // by the user: a moving price must not flip it
  private formatChosen = false;

  constructor(context: Context, onDraft: (draft: Draft | null) => void, stepOf: () => string) {
    this.context = context;
    this.onDraft = onDraft;
    this.stepOf = stepOf;
    this.price = field(
      'Price',
      h('input', {
        name: 'price',
        inputmode: 'decimal',
        autocomplete: 'off',
        placeholder: 'Click the chart',
        required: true,
        maxlength: '40',
      }),
      this.hint,
    );
    this.condition = field(
      'Condition',
      h(
        'select',
        { name: 'condition' },
        ...(Object.keys(conditions) as Condition[]).map((value) =>
          h('option', { value }, `${conditionSign(value)} ${conditions[value].verb}`),
        ),
      ),
    );
    this.url = field(
      'Webhook URL',
      h('input', {
        name: 'webhook_url',
        type: 'url',
        inputmode: 'url',
        autocomplete: 'url',
        placeholder: 'https://…',
        required: true,
        maxlength: '2048',
      }),
    );
    this.note = field(
      'Note',
      h('input', {
        name: 'note',
        maxlength: '500',
        autocomplete: 'off',
        placeholder: 'Optional; included in the webhook',
      }),
    );
    this.format = field(
      'Format',
      h(
        'select',
        { name: 'format' },
        ...[
          ['json', 'JSON'],
          ['slack', 'Slack'],
          ['discord', 'Discord'],
          ['telegram', 'Telegram'],
        ].map(([value, text]) => h('option', { value }, text!)),
      ),
    );
    this.element = h(
      'form',
      { class: 'panel alert-form', 'aria-label': 'New alert', novalidate: true },
      this.heading,
      h('div', { class: 'pair' }, this.price.element, this.condition.element),
      h('div', { class: 'pair wide-first' }, this.url.element, this.format.element),
      this.note.element,
      this.error.element,
      this.button,
    );
    this.url.input.value = context.session.read('webhook_url') ?? '';
    this.chooseFormat();
    this.element.addEventListener('submit', (e) => {
      e.preventDefault();
      void whileBusy(this.button, () => this.submit());
    });
    this.price.input.addEventListener('input', () => this.changed());
    this.price.input.addEventListener('keydown', (e) => this.onKey(e as KeyboardEvent));
    this.condition.input.addEventListener('change', () => {
      this.conditionChosen = true;
      this.changed();
    });
    this.url.input.addEventListener('input', () => this.chooseFormat());
    this.format.input.addEventListener('change', () => (this.formatChosen = true));
  }

  setTicker(ticker: string): void {
    if (ticker === this.ticker) return;
    // What was entered before the first prices came is meant for the first ticker.
    const keep = this.ticker === '';
    this.ticker = ticker;
    setText(this.heading, ticker === '' ? 'New alert' : `New alert on ${ticker}`);
    if (keep) this.changed();
    else this.clear();
  }

  /** Fills in the newest alert's URL if the field is empty. */
  suggestUrl(): void {
    if (this.url.input.value !== '' || document.activeElement === this.url.input) return;
    const newest = this.context.store.alerts.find((a) => a.endpoint_disabled_at === undefined);
    if (newest !== undefined) this.url.input.value = newest.webhook_url;
    this.chooseFormat();
  }

  /** Takes a price from the chart. */
  pick(price: string): void {
    this.price.input.value = this.picked = price;
    this.price.setError('');
    this.changed();
  }

  clear(): void {
    this.price.input.value = '';
    this.note.input.value = '';
    this.conditionChosen = false;
    for (const f of [this.price, this.url, this.note]) f.setError('');
    this.error.set('');
    this.changed();
  }

  confirm(): void {
    (this.url.input.value === '' ? this.url.input : this.button).focus();
  }

  /** Updates the hint after the current price changed. */
  refresh(): void {
    const draft = this.draft();
    setText(this.hint, this.hintText(draft));
  }

  draft(): Draft | null {
    const price = this.entered();
    return price === null || Number(price) === 0
      ? null
      : { price, condition: this.condition.input.value as Condition };
  }

  /** The price as it was typed or picked; null if it is none. */
  private entered(): string | null {
    const text = this.price.input.value;
    return readPrice(text, this.decimalComma && text !== this.picked);
  }

  private present(): string | null {
    return this.context.store.prices.get(this.ticker)?.price?.price ?? null;
  }

  private changed(): void {
    const price = this.entered();
    if (price !== null && !this.conditionChosen)
      this.condition.input.value = conditionFor(price, this.present());
    this.refresh();
    this.onDraft(this.draft());
  }

  private hintText(draft: Draft | null): string {
    const present = this.present();
    const typed = this.price.input.value;
    if (typed.trim() !== '' && this.entered() === null) return whyNoPrice(typed, this.decimalComma);
    if (draft === null)
      return present === null ? 'No price right now.' : `Now ${groupDigits(present)}`;
    if (present === null) return 'No price right now; the alert waits for one.';
    if (holdsAlready(draft.condition, draft.price, present)) return 'Already met: fires at once.';
    return `${formatDistance(present, draft.price)} away`;
  }

  private onKey(e: KeyboardEvent): void {
    const up = e.key === 'ArrowUp' || e.key === 'PageUp';
    if (!up && e.key !== 'ArrowDown' && e.key !== 'PageDown') return;
    const from = this.price.input.value.trim() === '' ? this.present() : this.entered();
    if (from === null) return;
    e.preventDefault();
    const moved = nudgePrice(from, this.stepOf(), up, e.shiftKey || e.key.startsWith('Page'));
    if (moved !== null) this.pick(moved);
  }

  private chooseFormat(): void {
    if (!this.formatChosen) this.format.input.value = formatOfUrl(this.url.input.value.trim());
  }

  private async submit(): Promise<void> {
    this.error.set('');
    const price = this.entered();
    const url = this.url.input.value.trim();
    const errors: [Field, string][] = [];
    if (price === null) errors.push([this.price, whyNoPrice(this.price.input.value, this.decimalComma)]);
    if (url === '') errors.push([this.url, 'Enter the https URL that receives the webhook.']);
    errors.forEach(([f, message]) => f.setError(message));
    if (errors[0] !== undefined) return errors[0][0].input.focus();
    if (this.ticker === '') return this.error.set('There are no tickers yet: wait for the first prices.');
    const { api, store, session } = this.context;
    const mark = store.mark();
    const sent = { price: this.price.input.value, note: this.note.input.value };
    try {
      const alert = await api.post<Alert>(
        '/api/v1/alerts/',
        alertBody({
          ticker: this.ticker,
          target_price: price!,
          condition: this.condition.input.value as Condition,
          webhook_url: url,
          note: this.note.input.value.trim(),
          format: this.format.input.value,
        }),
      );
      session.write('webhook_url', url);
      // It may have fired already, and the stream may have reported that first.
      store.putAlert(alert, mark);
      toast(`Alert created: ${alertTitle(alert, groupDigits)}.`, 'good');
      // What was entered meanwhile is meant for the next alert.
      if (this.note.input.value === sent.note) this.note.input.value = '';
      if (this.price.input.value !== sent.price || this.note.input.value !== '') return;
      this.clear();
      this.price.input.focus();
    } catch (error) {
      if (error instanceof ApiError && error.fields.length > 0) {
        const { price: p, url: u } = { price: this.price, url: this.url };
        showErrors(
          error,
          {
            target_price: p,
            webhook_url: u,
            condition: this.condition,
            note: this.note,
            format: this.format,
          },
          this.error,
        );
      } else {
        this.error.set(messageOf(error));
      }
    }
  }
}
