// What of an alert can be drawn on its ticker's chart: levels that stand, levels that follow the price, and channels.
import type { DrawnBar } from './bars.ts';
import { sideOf, type Side } from './conditions.ts';
import { readPrice } from './decimal.ts';
import { blanksOf, fillIn, levelsOf, rulesOf, whenJson, type Level, type Rule } from './rules.ts';
import { isOfPrice, type Alert, type AlertStateAnswer } from './types.ts';

export interface Step {
  time: number;
  value: number;
}

export interface DrawnLevel {
  alert: Alert;
  price: string; // where it is now
  side: Side | null; // on which the alert fires; null: either
  /** The blank of the rule that a drag changes; null: the level follows the market and cannot be dragged. */
  blank: number | null;
  /** The other bound of its channel. */
  other: string | null;
  /** How it got there, oldest first. */
  steps: Step[];
}

interface Market {
  bars: readonly DrawnBar[];
  barSeconds: number;
  present: string | null;
}

const seconds: Record<string, number> = { m: 60, h: 3600, d: 86_400 };

/** 15m is 900. */
export function windowSeconds(window: string): number {
  return Number.parseInt(window, 10) * (seconds[window.at(-1) ?? ''] ?? 1);
}

/** Whether its levels are known only from its state. */
export function needsState(alert: Alert): boolean {
  return drawableRules(alert).some((rule) => levelsOf(rule).some((level) => isOfMarket(level)));
}

function isOfMarket(level: Level): boolean {
  return typeof level !== 'string' && readPrice(level.from) === null;
}

/** The rules about the price of the alert's own ticker. */
function drawableRules(alert: Alert): Rule[] {
  if (alert.when === undefined) return [];
  return rulesOf(alert.when).filter((rule) => isDrawable(alert, rule));
}

function isDrawable({ ticker }: Alert, { ticker: own, watch }: Rule): boolean {
  return isOfPrice(watch) && (own === undefined || own === ticker);
}

/** Its levels now. `state` is what GET /alerts/{id}/state has answered, if it was asked. */
export function drawnLevels(alert: Alert, state: AlertStateAnswer | null, market: Market): DrawnLevel[] {
  if (alert.when === undefined) {
    if (alert.target_price === null || alert.condition === null) return [];
    const side = sideOf(alert.condition);
    return [{ alert, price: alert.target_price, side, blank: 0, other: null, steps: [] }];
  }
  const drawn: DrawnLevel[] = [];
  let blank = 0;
  rulesOf(alert.when).forEach((rule, i) => {
    const levels = levelsOf(rule);
    const known: (DrawnLevel | null)[] = levels.map((level, j) => {
      const at = blank;
      blank += blanksIn(level);
      if (!isDrawable(alert, rule)) return null;
      const side = sideIn(rule, j);
      if (typeof level === 'string') return { alert, price: level, side, blank: at, other: null, steps: [] };
      const judged = state?.rules?.[i];
      const followed = followLevel(level, judged?.level, j, alert, state, market);
      return followed && { alert, side, blank: null, other: null, ...followed };
    });
    const [low, high] = known;
    if (low && high) {
      low.other = high.price;
      high.other = low.price;
    }
    drawn.push(...known.filter((level) => level !== null));
  });
  return drawn;
}

function blanksIn(level: Level): number {
  if (typeof level === 'string') return 1;
  return (
    (readPrice(level.from) === null ? 0 : 1) +
    (level.over === undefined ? 0 : 1) +
    (level.by === undefined ? 0 : 1)
  );
}

function sideIn(rule: Rule, bound: number): Side | null {
  if (rule.is === 'above' || rule.is === 'crosses_up') return 'above';
  if (rule.is === 'below' || rule.is === 'crosses_down') return 'below';
  if (rule.is === 'outside' || rule.is === 'leaves') return bound === 0 ? 'below' : 'above';
  if (rule.is === 'inside' || rule.is === 'enters') return bound === 0 ? 'above' : 'below';
  return null;
}

/** A price changed by "5%" or "-500". */
function shifted(price: number, by: string | undefined): number {
  if (by === undefined) return price;
  const size = Number.parseFloat(by);
  return by.endsWith('%') ? price * (1 + size / 100) : price + size;
}

const at = <T>(value: T | T[] | undefined | null, index: number): T | null =>
  (Array.isArray(value) ? value[index] : index === 0 ? value : null) ?? null;

/** What was shifted by `by` to a level. */
function unshifted(level: number, by: string | undefined): number {
  if (by === undefined) return level;
  const size = Number.parseFloat(by);
  return by.endsWith('%') ? level / (1 + size / 100) : level - size;
}

/** A level that was computed from the market: what the server said, moved on by the prices since. */
function followLevel(
  level: Exclude<Level, string>,
  judged: string | null | (string | null)[] | undefined,
  bound: number,
  { firings = 0 }: Alert,
  state: AlertStateAnswer | null,
  market: Market,
): { price: string; steps: Step[] } | null {
  const { bars, barSeconds, present } = market;
  const number = readPrice(level.from);
  if (number !== null) return { price: digits(shifted(Number(number), level.by), market), steps: [] };
  const said = at(judged, bound);
  const start = state?.start ? new Date(state.start.time).getTime() / 1000 : 0;
  const best = level.from === 'high' ? Math.max : Math.min;
  const of = (bar: DrawnBar): number => (level.from === 'high' ? bar.high : bar.low);
  const levelOf = (extreme: number): string => digits(shifted(extreme, level.by), market);
  if (level.over !== undefined) {
    const window = windowSeconds(level.over);
    const steps = window < 2 * barSeconds ? [] : inWindow(bars, window, level, best, of);
    // After a firing the window begins with it.
    const extreme = extremeOf(level, firings > 0 ? start : 0, market);
    if (extreme === null && said === null) return null;
    return { price: extreme === null ? digits(Number(said), market) : levelOf(extreme), steps };
  }
  if (said === null) return null;
  if (level.from === 'start') return { price: digits(Number(said), market), steps: [] };
  const seen = bars.filter((bar) => bar.time >= start).map(of);
  const extreme = best(unshifted(Number(said), level.by), Number(present ?? said), ...seen);
  const first = Number(state?.start?.price ?? Number.NaN);
  return {
    price: levelOf(present === null ? unshifted(Number(said), level.by) : extreme),
    steps: sinceStart(bars, start, first, level, best, of),
  };
}

/** The highest or lowest price within a level's window; null if the bars do not show it. */
function extremeOf(
  { from, over }: Exclude<Level, string>,
  since: number,
  { bars, barSeconds }: Market,
): number | null {
  const window = windowSeconds(over ?? '');
  const begin = (bars.at(-1)?.time ?? 0) + barSeconds - window;
  if (window < barSeconds || (bars[0]?.time ?? Infinity) > begin) return null;
  const within = bars.filter((bar) => bar.time + barSeconds > Math.max(begin, since));
  const values = within.map((bar) => (from === 'high' ? bar.high : bar.low));
  return from === 'high' ? Math.max(...values) : Math.min(...values);
}

function sinceStart(
  bars: readonly DrawnBar[],
  start: number,
  first: number,
  level: Exclude<Level, string>,
  best: (...values: number[]) => number,
  of: (bar: DrawnBar) => number,
): Step[] {
  const steps: Step[] = [];
  let extreme = first;
  for (const bar of bars) {
    if (bar.time < start) continue;
    extreme = Number.isNaN(extreme) ? of(bar) : best(extreme, of(bar));
    steps.push({ time: bar.time, value: shifted(extreme, level.by) });
  }
  return steps;
}

/** The extreme of a window that slides over the bars: a queue whose first entry is the extreme. */
function inWindow(
  bars: readonly DrawnBar[],
  window: number,
  level: Exclude<Level, string>,
  best: (...values: number[]) => number,
  of: (bar: DrawnBar) => number,
): Step[] {
  const steps: Step[] = [];
  const queue: DrawnBar[] = [];
  let oldest = 0;
  for (const bar of bars) {
    while (queue.length > oldest && best(of(queue.at(-1)!), of(bar)) === of(bar)) queue.pop();
    queue.push(bar);
    while (queue[oldest]!.time <= bar.time - window) ++oldest;
    // Before a whole window of bars its extreme is not known.
    if (bar.time - bars[0]!.time < window) continue;
    steps.push({ time: bar.time, value: shifted(of(queue[oldest]!), level.by) });
  }
  return steps;
}

/** A computed level is shown, not judged: with as many decimals as the present price, at least four digits. */
function digits(value: number, { present }: Market): string {
  const shown = Math.max(2, present?.split('.')[1]?.length ?? 0);
  const needed = 3 - Math.floor(Math.log10(Math.abs(value) || 1));
  return value.toFixed(Math.min(18, Math.max(shown, needed, 0)));
}

/** What PATCH is sent to move a level to a price: JSON members by name. */
export function moveOf({ alert, blank }: DrawnLevel, price: string): Record<string, string> {
  if (alert.when === undefined) return { target_price: price };
  const values = blanksOf(alert.when).map((each, i) => (i === blank ? price : each.value));
  return { when: whenJson(fillIn(alert.when, values)) };
}

/** What the server would say of an alert that began now: levels of the market, from the prices known here. */
export function stateAtStart(alert: Alert, market: Market): AlertStateAnswer | null {
  const { present } = market;
  if (alert.when === undefined || present === null) return null;
  const rules = rulesOf(alert.when).map((rule) => ({
    level: levelsOf(rule).map((level) => {
      if (typeof level === 'string' || level.over !== undefined) return null;
      return String(shifted(Number(present), level.by));
    }),
  }));
  return { says: '', rules, start: { time: new Date().toISOString(), price: present } };
}
