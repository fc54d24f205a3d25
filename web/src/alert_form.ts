// The form that makes an alert: one sentence with blanks. Its price comes from the chart, the arrow keys or typing.
import { formatOfUrl, formats, urlsOf, withRaw } from './alert_body.ts';
import { MoreFields } from './alert_more.ts';
import { Preview } from './alert_preview.ts';
import { ApiError, messageOf } from './api.ts';
import type { DrawnBar } from './bars.ts';
import { holdsAlready } from './chart_geometry.ts';
import type { Mark } from './chart.ts';
import type { Line } from './chart_lines.ts';
import { conditionSign } from './conditions.ts';
import type { Context } from './context.ts';
import { groupDigits, percentBetween, whyNoPrice } from './decimal.ts';
import { h, selectOf, setAttribute, setText, whileBusy } from './dom.ts';
import { tellTest, testUrl } from './endpoint_actions.ts';
import { errorRegion, field, showErrors, type Field } from './field.ts';
import { alertTitle, formatDistance } from './format.ts';
import { drawnLevels, stateAtStart } from './levels.ts';
import type { Example } from './placeholder_field.ts';
import { whenJson } from './rules.ts';
import { sentenceOf, type Said } from './sentence.ts';
import { decimalComma, SentenceFields } from './sentence_fields.ts';
import { settings } from './settings.ts';
import { toast } from './toast.ts';
import { intervalSeconds, type Alert, type Interval } from './types.ts';
import { confirmDialog } from './views/dialog.ts';

const farAway = 50; // percent from the present price, beyond which it is asked once

export interface AlertFormListener {
  /** What is drawn of the alert so far. */
  onDraft(draft: { lines: Line[]; marks: Mark[] }): void;
  onTicker(ticker: string): void;
  step(): string;
  bars(): { bars: DrawnBar[]; interval: Interval };
}

export class AlertForm {
  readonly element: HTMLFormElement;
  private readonly context: Context;
  private readonly listener: AlertFormListener;
  private readonly tickers = h('select', { 'aria-label': 'Ticker', name: 'ticker' });
  private readonly hint = h('p', { class: 'hint', id: 'alert-hint' });
  private readonly fields: SentenceFields;
  private readonly url: Field;
  private readonly urlHint = h('p', { class: 'hint url-hint' });
  private readonly format: Field;
  private readonly more: MoreFields;
  private readonly preview: Preview;
  private readonly summary = h('p', { class: 'sheet-summary', 'aria-hidden': 'true' });
  private readonly heading = h('h2', { class: 'visually-hidden' }, 'New alert');
  private readonly error = errorRegion();
  private readonly button = h('button', { type: 'submit', class: 'primary' }, 'Create alert');
  private readonly test = h(
    'button',
    { type: 'button', title: 'Sends one now, before there is an alert' },
    'Send test',
  );
  private readonly sheet = h('button', { type: 'button', class: 'sheet-toggle' });
  private ticker = '';
  private shownTickers = '';
  private formatChosen = false;
  private urlTouched = false;
  private drawnAt = ''; // what the drawn lines were computed from
  private readonly stop: () => void;

  constructor(context: Context, listener: AlertFormListener) {
    this.context = context;
    this.listener = listener;
    this.fields = new SentenceFields(this.tickers, this.hint.id, {
      onChange: () => this.changed(),
      onHold: (duration) => this.more.setHold(duration),
      present: () => this.present(),
      step: () => listener.step(),
    });
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
      this.urlHint,
    );
    this.format = field('Format', selectOf(formats, { name: 'format' }));
    this.more = new MoreFields(
      this.format,
      () => this.changed(),
      () => this.example(),
    );
    this.preview = new Preview(context, () => this.draw());
    this.element = h(
      'form',
      { class: 'panel alert-form', 'aria-label': 'New alert', novalidate: true },
      this.heading,
      h('div', { class: 'form-head' }, this.fields.presets, this.summary, this.sheet),
      h('div', { class: 'sentence-row' }, this.fields.sentence, this.hint),
      this.fields.errors,
      h('div', { class: 'form-row' }, this.url.element, this.test, this.button),
      this.error.element,
      this.preview.element,
      this.more.element,
    );
    this.url.input.value = context.session.read('webhook_url') ?? '';
    this.chooseFormat();
    this.listen();
    this.setSheet(false);
    this.fields.choose('price');
    this.stop = settings.onChange(() => this.changed());
  }

  destroy(): void {
    this.stop();
    this.preview.destroy();
  }

  setTicker(ticker: string): void {
    this.renderTickers(ticker);
    if (ticker === this.ticker) return;
    // What was entered before the first prices came is meant for the first ticker.
    const keep = this.ticker === '';
    this.ticker = ticker;
    setText(this.heading, ticker === '' ? 'New alert' : `New alert on ${ticker}`);
    if (keep) return this.changed();
    this.clear();
  }

  /** Takes a price from the chart. */
  pick(price: string): void {
    this.fields.pick(price);
  }

  /** A line of the draft was dragged. */
  moveLine({ key }: Line, price: string): void {
    this.fields.put(key === 'draft/1' ? 'upper' : 'level', price);
  }

  /** Puts an alert's sentence into the form, to make another like it. */
  fill(alert: Alert): void {
    const said = sentenceOf(alert);
    if (said === null) {
      return toast('This alert says more than one sentence: duplicate it in the list of alerts.');
    }
    this.fields.fill(said.preset, said.blanks);
    this.url.input.value = alert.webhook_url;
    if (formats.some(([format]) => format === alert.format)) this.format.input.value = alert.format;
    this.formatChosen = true;
    this.more.fill(alert);
    this.setSheet(true);
    this.changed();
    this.fields.focus();
  }

  clear(): void {
    this.fields.clear();
    this.more.clear();
    this.url.setError('');
    this.error.set('');
    this.changed();
  }

  confirm(): void {
    if (this.url.input.value !== '') return this.button.focus();
    this.setSheet(true);
    this.url.input.focus();
  }

  /** Updates what depends on the present price. */
  refresh(): void {
    this.suggestUrl();
    this.renderHint();
    // Levels that follow the market are drawn anew with it.
    if (this.drawnAt !== this.drawnFrom()) this.draw();
  }

  /** Fills in the URL of the last endpoint that has answered, else that of the newest alert. */
  private suggestUrl(): void {
    const { store } = this.context;
    if (this.urlTouched || this.url.input.value !== '' || document.activeElement === this.url.input) return;
    const disabled = new Set(
      store.alerts.filter((a) => a.endpoint_disabled_at !== undefined).map((a) => a.webhook_url),
    );
    const usable = [
      ...store.deliveries.filter((d) => d.status === 'delivered'),
      ...store.alerts.filter((a) => a.is_active),
    ].find(({ webhook_url }) => !disabled.has(webhook_url));
    if (usable === undefined) return;
    this.url.input.value = usable.webhook_url;
    this.chooseFormat();
  }

  private listen(): void {
    this.element.addEventListener('submit', (e) => {
      e.preventDefault();
      void whileBusy(this.button, () => this.submit());
    });
    this.tickers.addEventListener('change', () => this.listener.onTicker(this.tickers.value));
    this.url.input.addEventListener('input', () => {
      this.urlTouched = true;
      this.chooseFormat();
    });
    this.format.input.addEventListener('change', () => {
      this.formatChosen = true;
      this.renderFormat();
    });
    this.test.addEventListener('click', () => void whileBusy(this.test, () => this.sendTest()));
    this.sheet.addEventListener('click', () => this.setSheet(!this.element.classList.contains('open')));
  }

  private present(): string | null {
    return this.context.store.prices.get(this.ticker)?.price?.price ?? null;
  }

  private changed(): void {
    this.fields.followPresent();
    this.renderHint();
    this.draw();
    const said = this.fields.said();
    const rule = said === null ? null : this.ruleMembers(said, this.more.conditions());
    this.preview.ask(this.ticker === '' || rule === null ? null : rule);
  }

  /** JSON of the members that say when it fires. */
  private ruleMembers(said: Said, rest: Record<string, unknown>): string {
    const members = { ticker: this.ticker, ...rest };
    if ('when' in said) return withRaw(members, { when: whenJson(said.when) });
    return withRaw({ ...members, condition: said.condition }, { target_price: said.target_price });
  }

  /** What the drawn lines depend on, beside the form itself. */
  private drawnFrom(): string {
    const { bars, interval } = this.listener.bars();
    const present = this.present();
    // Numbers stand still.
    return `${interval} ${bars.length} ${this.fields.uses('level') ? present === null : present}`;
  }

  private draw(): void {
    const { bars, interval } = this.listener.bars();
    const present = this.present();
    this.drawnAt = this.drawnFrom();
    const said = this.fields.said();
    if (said === null) return this.listener.onDraft({ lines: [], marks: [] });
    const plain = 'condition' in said;
    const alert = {
      ticker: this.ticker,
      condition: plain ? said.condition : null,
      target_price: plain ? said.target_price : null,
      ...(plain ? {} : { when: said.when }),
    } as Alert;
    const market = { bars, barSeconds: intervalSeconds[interval], present };
    const levels = drawnLevels(alert, stateAtStart(alert, market), market);
    const lines = levels.map((level, i): Line => ({
      key: `draft/${i}`,
      kind: 'draft',
      id: null,
      price: level.price,
      side: level.side,
      name:
        levels.length === 1 ? 'New alert line' : i === 0 ? 'New alert, lower line' : 'New alert, upper line',
      title: '',
      movable: level.blank !== null,
      dimmed: false,
      other: level.other,
    }));
    this.listener.onDraft({ lines, marks: this.preview.marks });
  }

  private renderHint(): void {
    const text = this.hintText();
    setText(this.hint, text);
    const level = this.fields.preset === 'price' ? this.fields.entered('level') : null;
    const condition = this.fields.condition();
    const present = this.present();
    if (level === null) return setText(this.summary, this.heading.textContent ?? '');
    const distance = present === null ? '' : ` (${formatDistance(present, level)})`;
    const sign = condition === null ? '' : `${conditionSign(condition)} `;
    setText(this.summary, `${sign}${groupDigits(level)}${distance}`);
  }

  private hintText(): string {
    const { fields } = this;
    const present = this.present();
    const level = fields.entered('level');
    const typed = fields.blanks.level.input.value;
    if (fields.uses('level') && typed.trim() !== '' && level === null)
      return whyNoPrice(typed, decimalComma());
    if (present === null)
      return fields.said() === null ? 'No price right now.' : 'No price right now; the alert waits for one.';
    const now = `Now ${groupDigits(present)}`;
    if (fields.preset !== 'price' || level === null || Number(level) === 0) return now;
    const condition = fields.condition();
    if (condition !== null && holdsAlready(condition, level, present)) return 'Already met: fires at once.';
    return `${now} · ${groupDigits(level)} is ${formatDistance(present, level).replace(/^[+−]/, '')} away`;
  }

  private chooseFormat(): void {
    if (!this.formatChosen) this.format.input.value = formatOfUrl(this.url.input.value.trim());
    this.renderFormat();
  }

  /** How the URL of such an endpoint looks. */
  private renderFormat(): void {
    const looks = urlsOf[this.format.input.value] ?? '';
    setText(this.urlHint, looks === '' ? '' : `Looks like ${looks}`);
  }

  private async sendTest(): Promise<void> {
    this.error.set('');
    const url = this.url.input.value.trim();
    if (url === '') {
      this.url.setError('Enter the https URL that receives the webhook.');
      return this.url.input.focus();
    }
    const format = this.format.input.value;
    try {
      tellTest(await testUrl(this.context, url, { format, ...this.more.template(format) }));
    } catch (error) {
      this.showFailure(error);
    }
  }

  /** What placeholders of its texts stand for. */
  private example(): Example {
    const said = this.fields.said();
    const plain = said !== null && 'condition' in said ? said : { condition: null, target_price: null };
    const sentence = this.fields.sentence.textContent ?? '';
    return {
      of: { id: '…', ticker: this.ticker, note: this.more.noted, sentence, ...plain },
      price: this.present() ?? '70000',
    };
  }

  private renderTickers(ticker: string): void {
    const { tickers } = this.context.store;
    const all = tickers.includes(ticker) || ticker === '' ? tickers : [ticker, ...tickers];
    if (this.shownTickers !== all.join()) {
      this.shownTickers = all.join();
      this.tickers.replaceChildren(...all.map((each) => h('option', { value: each }, each)));
    }
    if (this.tickers.value !== ticker) this.tickers.value = ticker;
  }

  /** On a phone the form is a sheet at the bottom, which opens to all of it. */
  private setSheet(open: boolean): void {
    this.element.classList.toggle('open', open);
    setText(this.sheet, open ? 'Less' : 'Details');
    setAttribute(this.sheet, 'aria-expanded', String(open));
  }

  /** Asks once about a level that is far away. */
  private async isMeant(): Promise<boolean> {
    const present = this.present();
    const names = (['level', 'upper'] as const).filter((name) => this.fields.uses(name));
    const far = names
      .map((name) => this.fields.entered(name)!)
      .find((level) => present !== null && Math.abs(percentBetween(present, level)) > farAway);
    if (far === undefined) return true;
    const distance = formatDistance(present!, far);
    return confirmDialog(
      'Is this price meant?',
      `${groupDigits(far)} is ${distance} from the present price of ${this.ticker}, ${groupDigits(present!)}.`,
      'Create alert',
    );
  }

  private async submit(): Promise<void> {
    this.error.set('');
    const errors = this.fields.mistakes();
    if (this.url.input.value.trim() === '')
      errors.push([this.url, 'Enter the https URL that receives the webhook.']);
    errors.forEach(([each, message]) => each.setError(message));
    if (errors[0] !== undefined) {
      this.setSheet(true);
      return errors[0][0].input.focus();
    }
    if (this.ticker === '') return this.error.set('There are no tickers yet: wait for the first prices.');
    if (!(await this.isMeant())) return this.fields.focus();
    const { api, store, session } = this.context;
    const mark = store.mark();
    const url = this.url.input.value.trim();
    const format = this.format.input.value;
    const sent = { price: this.fields.blanks.level.input.value, note: this.more.noted };
    const rest = { webhook_url: url, format, ...this.more.members(format) };
    try {
      const alert = await api.post<Alert>('/api/v1/alerts/', this.ruleMembers(this.fields.said()!, rest));
      session.write('webhook_url', url);
      // It may have fired already, and the stream may have reported that first.
      store.putAlert(alert, mark);
      toast(`Alert created: ${alertTitle(alert, groupDigits)}.`, 'good');
      // What was entered meanwhile is meant for the next alert.
      if (this.fields.blanks.level.input.value !== sent.price || this.more.noted !== sent.note) return;
      this.clear();
      this.setSheet(false);
      this.fields.focus();
    } catch (error) {
      this.showFailure(error);
    }
  }

  private showFailure(error: unknown): void {
    if (!(error instanceof ApiError) || error.fields.length === 0) return this.error.set(messageOf(error));
    this.setSheet(true);
    const { first } = this.fields;
    const fields: Record<string, Field> = { ...this.more.fields };
    Object.assign(fields, { target_price: first, when: first, webhook_url: this.url, format: this.format });
    Object.assign(fields, { condition: this.fields.blanks.word });
    if (error.fields.some(({ field: name }) => name in this.more.fields)) this.more.element.open = true;
    showErrors(error, fields, this.error);
  }
}
