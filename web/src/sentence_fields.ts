// The sentence of a new alert as fields: presets above it, and blanks within it.
import { conditionFor } from './chart_geometry.ts';
import { conditions, conditionSign, type Condition } from './conditions.ts';
import {
  decimalsOf,
  hasDecimalComma,
  nudgePrice,
  readEntry,
  readPrice,
  snapPrice,
  whyNoPrice,
} from './decimal.ts';
import { h, selectOf, setAttribute } from './dom.ts';
import { inlineField, type Field } from './field.ts';
import { windows } from './rules.ts';
import { ages, kinds, presets, ruleOf, type Blanks, type Preset, type Said } from './sentence.ts';
import { settings } from './settings.ts';

export interface SentenceListener {
  onChange(): void;
  /** A preset was chosen that should hold for some time; empty: it need not. */
  onHold(duration: string): void;
  present(): string | null;
  step(): string;
}

type BlankName = keyof Blanks;

export class SentenceFields {
  readonly presets: HTMLElement;
  readonly sentence = h('p', { class: 'sentence' });
  readonly errors = h('div', { class: 'sentence-errors' });
  readonly blanks: Record<BlankName, Field>;
  preset: Preset = 'price';
  private readonly listener: SentenceListener;
  private readonly tickers: HTMLElement;
  private readonly hint: string; // an id
  private readonly buttons: HTMLButtonElement[];
  private readonly picked = new Set<string>(); // texts that the chart or a key put into a field
  private wordChosen = false; // by the user: a moving price must not flip it

  constructor(tickers: HTMLElement, hint: string, listener: SentenceListener) {
    this.tickers = tickers;
    this.hint = hint;
    this.listener = listener;
    this.blanks = {
      word: this.inline(h('select', { name: 'condition', 'aria-label': 'Condition' })),
      level: this.number('Price', 'price', 'Type, or pick above'),
      upper: this.number('Upper price', 'upper', ''),
      size: this.number('Percent', 'size', ''),
      window: this.choice('Time', windows, '1h'),
      age: this.choice('Time without a price', ages, '1m'),
    };
    this.buttons = presets.map((preset) =>
      h('button', { type: 'button', onclick: () => this.choose(preset) }, kinds[preset].title),
    );
    this.presets = h(
      'div',
      { class: 'segmented presets', role: 'group', 'aria-label': 'What to watch' },
      ...this.buttons,
    );
    for (const name of ['level', 'upper'] as const)
      this.blanks[name].input.addEventListener('keydown', (e) => this.onKey(name, e as KeyboardEvent));
    this.blanks.word.input.addEventListener('input', () => (this.wordChosen = true));
    for (const each of Object.values(this.blanks))
      each.input.addEventListener('input', () => listener.onChange());
  }

  choose(preset: Preset): void {
    const { words, blanks } = kinds[preset];
    this.preset = preset;
    this.wordChosen = false;
    this.buttons.forEach((button, i) => setAttribute(button, 'aria-pressed', String(presets[i] === preset)));
    const word = this.blanks.word.input as HTMLSelectElement;
    word.replaceChildren(...words.map(([value, text]) => h('option', { value }, signed(value, text))));
    this.sentence.replaceChildren(
      'Tell me when ',
      this.tickers,
      ' ',
      words.length === 1 ? words[0]![1] : word,
      ' ',
      ...blanks.flatMap(([before, name, after]) => [
        before === '' ? '' : ` ${before} `,
        this.blanks[name].input,
        after === '' ? '' : ` ${after}`,
      ]),
    );
    this.clearErrors();
    if (preset === 'extreme') this.blanks.window.input.value = '24h';
    if (preset === 'move') this.blanks.window.input.value = '1h';
    this.blanks.size.input.value = preset === 'trailing' ? '3' : '5';
    this.listener.onHold('');
    if (preset === 'channel') this.fillChannel();
    this.listener.onChange();
  }

  fill(preset: Preset, blanks: Partial<Blanks>): void {
    this.choose(preset);
    for (const [name, value] of Object.entries(blanks)) if (value !== '') this.set(name as BlankName, value);
    this.wordChosen = true;
  }

  /** Takes a price from the chart; of a channel, the nearer bound moves. */
  pick(price: string): void {
    if (!this.uses('level')) this.choose('price');
    const away = (name: BlankName): number => Math.abs(Number(this.entered(name) ?? 0) - Number(price));
    this.put(this.preset === 'channel' && away('upper') < away('level') ? 'upper' : 'level', price);
  }

  put(name: 'level' | 'upper', price: string): void {
    this.picked.clear();
    this.set(name, price);
    this.listener.onChange();
  }

  clear(): void {
    this.blanks.level.input.value = this.blanks.upper.input.value = '';
    this.wordChosen = false;
    this.clearErrors();
    if (this.preset === 'channel') this.fillChannel();
  }

  /** The likely condition follows the price, until the user has chosen one. */
  followPresent(): void {
    const level = this.entered('level');
    if (this.preset === 'price' && level !== null && !this.wordChosen)
      this.blanks.word.input.value = conditionFor(level, this.listener.present());
  }

  /** The number in a blank, as it was typed or picked; null if it is none. */
  entered(name: BlankName): string | null {
    const text = this.blanks[name].input.value;
    if (this.picked.has(text)) return readPrice(text);
    return readEntry(text, decimalComma(), name === 'size' ? null : this.listener.present());
  }

  uses(name: BlankName): boolean {
    return kinds[this.preset].blanks.some(([, used]) => used === name);
  }

  /** The plain condition that is chosen, if it is one. */
  condition(): Condition | null {
    const word = this.blanks.word.input.value;
    return this.preset === 'price' && word in conditions ? (word as Condition) : null;
  }

  said(): Said | null {
    const { word, window, age } = this.blanks;
    const numbers = {
      level: this.entered('level'),
      upper: this.entered('upper'),
      size: this.entered('size'),
    };
    for (const [name, value] of Object.entries(numbers))
      if (this.uses(name as BlankName) && Number(value) === 0) return null;
    return ruleOf(this.preset, {
      level: numbers.level ?? '',
      upper: numbers.upper ?? '',
      size: numbers.size ?? '',
      word: word.input.value,
      window: window.input.value,
      age: age.input.value,
    });
  }

  mistakes(): [Field, string][] {
    const errors: [Field, string][] = [];
    for (const name of ['level', 'upper', 'size'] as const) {
      if (!this.uses(name)) continue;
      const value = this.entered(name);
      const { input } = this.blanks[name];
      if (value === null) errors.push([this.blanks[name], whyNoPrice(input.value, decimalComma())]);
      else if (Number(value) === 0) errors.push([this.blanks[name], 'Enter a number above 0.']);
      else if (name === 'size' && decimalsOf(Number(value)) > 4)
        errors.push([this.blanks[name], 'Enter at most four decimals.']);
    }
    return errors;
  }

  /** The field to go on with. */
  focus(): void {
    this.sentence.querySelector<HTMLElement>('input')?.focus();
  }

  /** The first blank: where errors of the rule are shown. */
  get first(): Field {
    return this.blanks[kinds[this.preset].blanks[0]![1]];
  }

  private inline(input: HTMLInputElement | HTMLSelectElement): Field {
    return inlineField(input, this.errors, this.hint);
  }

  private number(label: string, name: string, placeholder: string): Field {
    const shared = { inputmode: 'decimal', autocomplete: 'off', maxlength: '40', class: `blank-${name}` };
    return this.inline(h('input', { name, 'aria-label': label, placeholder, ...shared }));
  }

  private choice(label: string, values: readonly string[], value: string): Field {
    const select = selectOf(
      values.map((each) => [each, each]),
      { 'aria-label': label },
    );
    select.value = value;
    return this.inline(select);
  }

  private clearErrors(): void {
    for (const each of Object.values(this.blanks)) each.setError('');
  }

  private set(name: BlankName, text: string): void {
    this.blanks[name].input.value = text;
    this.picked.add(text);
    this.blanks[name].setError('');
  }

  /** A coin that is worth a dollar is watched for leaving it; of others, a percent around the present price. */
  private fillChannel(): void {
    const present = this.listener.present();
    if (present === null) return;
    const pegged = Math.abs(Number(present) - 1) < 0.02;
    const step = pegged ? '0.01' : this.listener.step();
    const middle = pegged ? 1 : Number(present);
    this.set('level', snapPrice(middle * 0.99, step));
    this.set('upper', snapPrice(middle * 1.01, step));
    this.listener.onHold(pegged ? '5m' : '');
  }

  private onKey(name: 'level' | 'upper', e: KeyboardEvent): void {
    const up = e.key === 'ArrowUp' || e.key === 'PageUp';
    if (!up && e.key !== 'ArrowDown' && e.key !== 'PageDown') return;
    const isEmpty = this.blanks[name].input.value.trim() === '';
    const from = isEmpty ? this.listener.present() : this.entered(name);
    if (from === null) return;
    e.preventDefault();
    const moved = nudgePrice(from, this.listener.step(), up, e.shiftKey || e.key.startsWith('Page'));
    if (moved !== null) this.put(name, moved);
  }
}

/** Whether a comma begins the decimals, by the format that the user has chosen or by the browser's language. */
export function decimalComma(): boolean {
  return settings.marks.decimal === ',' || hasDecimalComma(navigator.language);
}

function signed(word: string, text: string): string {
  return word in conditions ? `${conditionSign(word as Condition)} ${text}` : text;
}
