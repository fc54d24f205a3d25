// What an alert can say beyond above and below a number, as the server writes it. Numbers are their digits.
import { readPrice } from './decimal.ts';

export type Level = string | { from: string; over?: string; by?: string };

export interface Rule {
  ticker?: string;
  watch?: unknown;
  is: string;
  level: Level | [Level, Level];
}

export type When = Rule | { all: Rule[] } | { any: Rule[] };

export interface Repeat {
  cooldown: string;
  rearm: string;
  times: number | null;
}

export const windows = ['1m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '12h', '24h', '7d'] as const;

export function rulesOf(when: When): Rule[] {
  if ('all' in when) return when.all;
  return 'any' in when ? when.any : [when];
}

export function levelsOf(rule: Rule): Level[] {
  return Array.isArray(rule.level) ? rule.level : [rule.level];
}

/** One value of a rule that can be edited. */
export interface Blank {
  label: string;
  kind: 'number' | 'change' | 'window' | 'text';
  value: string;
}

/** The blanks of all rules, in their order. */
export function blanksOf(when: When): Blank[] {
  const rules = rulesOf(when);
  return rules.flatMap((rule, i) => {
    const levels = levelsOf(rule);
    const of = rules.length > 1 ? ` of rule ${i + 1}` : '';
    return levels.flatMap((level, j): Blank[] => {
      const name = levels.length === 1 ? 'Level' : j === 0 ? 'Lower level' : 'Upper level';
      if (typeof level === 'string')
        return [blank(name + of, readPrice(level) === null ? 'text' : 'number', level)];
      const out: Blank[] = [];
      if (readPrice(level.from) !== null) out.push(blank(name + of, 'number', level.from));
      if (level.over !== undefined) out.push(blank(`${name}${of}: window`, 'window', level.over));
      if (level.by !== undefined) out.push(blank(`${name}${of}: change`, 'change', level.by));
      return out;
    });
  });
}

function blank(label: string, kind: Blank['kind'], value: string): Blank {
  return { label, kind, value };
}

/** The rules with these values in their blanks, in the order of blanksOf(). */
export function fillIn(when: When, values: readonly string[]): When {
  const left = [...values];
  const fillLevel = (level: Level): Level => {
    if (typeof level === 'string') return left.shift()!;
    const out = { ...level };
    if (readPrice(level.from) !== null) out.from = left.shift()!;
    if (level.over !== undefined) out.over = left.shift()!;
    if (level.by !== undefined) out.by = left.shift()!;
    return out;
  };
  const fillRule = (rule: Rule): Rule => ({
    ...rule,
    level: Array.isArray(rule.level) ? (rule.level.map(fillLevel) as [Level, Level]) : fillLevel(rule.level),
  });
  if ('all' in when) return { all: when.all.map(fillRule) };
  return 'any' in when ? { any: when.any.map(fillRule) } : fillRule(when);
}

/** As JSON, in which a level's digits are a number. */
export function whenJson(when: When): string {
  const isNumber = (text: unknown): text is string => typeof text === 'string' && readPrice(text) !== null;
  const member = (name: string, value: unknown): string => {
    if ((name === 'level' || name === 'from') && isNumber(value)) return value;
    if (name === 'level' && Array.isArray(value)) return `[${value.map((v) => member(name, v)).join()}]`;
    if (Array.isArray(value)) return `[${value.map((v) => member('', v)).join()}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    return `{${Object.entries(value)
      .map(([key, v]) => `${JSON.stringify(key)}:${member(key, v)}`)
      .join()}}`;
  };
  return member('', when);
}
