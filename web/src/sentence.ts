// The sentence that makes an alert: "Tell me when BTC rises above 70,000". A preset is a kind of sentence with its blanks;
// what is in them makes a rule.
import { conditions, type Condition } from './conditions.ts';
import { comparePrices, readPrice } from './decimal.ts';
import { rulesOf, type Level, type When } from './rules.ts';
import type { Alert } from './types.ts';

export type Preset = 'price' | 'move' | 'start' | 'trailing' | 'extreme' | 'channel' | 'silent';

/** What a sentence has in its blanks; a preset uses some of them. */
export interface Blanks {
  word: string;
  level: string; // digits; of a channel, the lower bound
  upper: string;
  size: string; // in percent
  window: string;
  age: string;
}

export interface Kind {
  title: string;
  /** What the sentence can say: the value of its word, and its text. */
  words: readonly (readonly [string, string])[];
  /** The blanks after the word, and the text before each. */
  blanks: readonly (readonly [string, Exclude<keyof Blanks, 'word'>, string])[];
}

const plain = Object.entries(conditions).map(([name, { verb }]): [string, string] => [name, verb]);
const upDown = [
  ['up', 'rises'],
  ['down', 'falls'],
  ['either', 'moves'],
] as const;

export const kinds: Record<Preset, Kind> = {
  price: {
    title: 'Price',
    words: [
      ...plain,
      ['crosses', 'crosses'],
      ['close_up', 'closes an hour above'],
      ['close_down', 'closes an hour below'],
    ],
    blanks: [['', 'level', '']],
  },
  move: {
    title: 'Move',
    words: upDown,
    blanks: [
      ['', 'size', '%'],
      ['within', 'window', ''],
    ],
  },
  start: { title: 'From now', words: upDown, blanks: [['', 'size', '% from now']] },
  trailing: {
    title: 'Trailing',
    words: [
      ['down', 'falls from its high by'],
      ['up', 'rises from its low by'],
    ],
    blanks: [['', 'size', '%']],
  },
  extreme: {
    title: 'New high',
    words: [
      ['high', 'makes a new high of'],
      ['low', 'makes a new low of'],
    ],
    blanks: [['', 'window', '']],
  },
  channel: {
    title: 'Depeg',
    words: [
      ['outside', 'is outside'],
      ['leaves', 'leaves'],
      ['enters', 'enters'],
      ['inside', 'is between'],
    ],
    blanks: [
      ['', 'level', ''],
      ['to', 'upper', ''],
    ],
  },
  silent: { title: 'Feed silent', words: [['age', 'has no price for']], blanks: [['', 'age', '']] },
};

export const presets = Object.keys(kinds) as Preset[];

export const ages = ['30s', '1m', '5m', '15m', '1h'] as const;

/** An alert in the plain form, or a rule. */
export type Said = { condition: Condition; target_price: string } | { when: When };

/** What the sentence says; null while a blank is empty. */
export function ruleOf(preset: Preset, { word, level, upper, size, window, age }: Blanks): Said | null {
  const percent = Number(size) > 0 ? size : null;
  switch (preset) {
    case 'price':
      if (level === '') return null;
      if (word === 'crosses') return { when: { is: 'crosses', level } };
      if (word === 'close_up' || word === 'close_down')
        return { when: { watch: { close: '1h' }, is: word === 'close_up' ? 'above' : 'below', level } };
      return { condition: word as Condition, target_price: level };
    case 'move': {
      if (percent === null) return null;
      // Only what happens from now on: the market may have moved as much already.
      const rise = { is: 'crosses_up', level: { from: 'low', over: window, by: `${percent}%` } };
      const fall = { is: 'crosses_down', level: { from: 'high', over: window, by: `-${percent}%` } };
      return { when: word === 'up' ? rise : word === 'down' ? fall : { any: [rise, fall] } };
    }
    case 'start': {
      if (percent === null) return null;
      const up: Level = { from: 'start', by: `${percent}%` };
      const down: Level = { from: 'start', by: `-${percent}%` };
      if (word === 'either') return { when: { is: 'outside', level: [down, up] } };
      return { when: word === 'up' ? { is: 'above', level: up } : { is: 'below', level: down } };
    }
    case 'trailing':
      if (percent === null) return null;
      return {
        when:
          word === 'down'
            ? { is: 'below', level: { from: 'high', by: `-${percent}%` } }
            : { is: 'above', level: { from: 'low', by: `${percent}%` } },
      };
    case 'extreme':
      return { when: { is: word === 'high' ? 'above' : 'below', level: { from: word, over: window } } };
    case 'channel': {
      if (level === '' || upper === '') return null;
      const ordered: [string, string] = comparePrices(level, upper) <= 0 ? [level, upper] : [upper, level];
      return { when: { is: word, level: ordered } };
    }
    case 'silent':
      return { when: { watch: 'age', is: 'above', level: age } };
  }
}

/** The sentence of an alert, with what is in its blanks; null if no preset says it. */
export function sentenceOf(alert: Alert): { preset: Preset; blanks: Partial<Blanks> } | null {
  const { when, condition, target_price } = alert;
  if (condition !== null && target_price !== null && when === undefined)
    return { preset: 'price', blanks: { word: condition, level: target_price } };
  if (when === undefined) return null;
  for (const preset of presets) {
    for (const [word] of kinds[preset].words) {
      const blanks = { ...blanksFrom(when), word };
      const said = ruleOf(preset, blanks);
      if (said === null) continue;
      const same =
        'when' in said
          ? canonical(said.when) === canonical(when)
          : 'is' in when && !when.watch && typeof when.level === 'string' && isPlain(when.is, said.condition);
      if (same) return { preset, blanks };
    }
  }
  return null;
}

const isPlain = (is: string, condition: Condition): boolean => is === conditions[condition].side;

/** JSON of a rule whose keys are in one order. */
function canonical(when: When): string {
  return JSON.stringify(when, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, member]) => member !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : value,
  );
}

/** Whatever numbers and windows its first rule has. */
function blanksFrom(when: When): Omit<Blanks, 'word'> {
  const rule = rulesOf(when)[0]!;
  const levels = Array.isArray(rule.level) ? rule.level : [rule.level];
  const [first, second] = levels;
  const number = (level: Level | undefined): string =>
    typeof level === 'string' && readPrice(level) !== null ? level : '';
  const shift = typeof first === 'object' ? first : undefined;
  return {
    level: number(first),
    upper: number(second),
    size: shift?.by?.endsWith('%') ? shift.by.replace(/[-%]/g, '') : '',
    window: shift?.over ?? '',
    age: typeof first === 'string' ? first : '',
  };
}
