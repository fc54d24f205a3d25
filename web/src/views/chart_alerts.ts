// The alerts of a chart's ticker as lines, courses and marks; what these need from the server is asked once a change.
import { removeAlert, patchAlert } from '../alert_actions.ts';
import { withRaw } from '../alert_body.ts';
import type { DrawnBar } from '../bars.ts';
import type { Course, Mark } from '../chart.ts';
import { isBeyond } from '../chart_geometry.ts';
import type { Line } from '../chart_lines.ts';
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { alertStatusInWords, alertTitle } from '../format.ts';
import { drawnLevels, moveOf, needsState, type DrawnLevel } from '../levels.ts';
import { rulesOf } from '../rules.ts';
import { toast } from '../toast.ts';
import {
  intervalSeconds,
  type Alert,
  type AlertStateAnswer,
  type FiringAnswer,
  type Interval,
} from '../types.ts';
import { confirmDialog } from './dialog.ts';

const mostStates = 12; // asked for one ticker
const mostHistories = 6;
const firingsShown = 50;

interface Known<T> {
  version: string;
  value: T | null;
}

export class ChartAlerts {
  private readonly context: Context;
  private readonly onChange: () => void;
  private readonly states = new Map<string, Known<AlertStateAnswer>>();
  private readonly firings = new Map<string, Known<FiringAnswer[]>>();
  private levels = new Map<string, DrawnLevel>();

  /** `onChange`: something that was asked for has arrived. */
  constructor(context: Context, onChange: () => void) {
    this.context = context;
    this.onChange = onChange;
  }

  show(
    watched: Alert[],
    bars: DrawnBar[],
    interval: Interval,
    present: string | null,
  ): { lines: Line[]; courses: Course[] } {
    const market = { bars, barSeconds: intervalSeconds[interval], present };
    const asking = watched.filter(needsState).slice(0, mostStates);
    const lines: Line[] = [];
    const courses: Course[] = [];
    this.levels = new Map();
    for (const alert of watched) {
      const state = asking.includes(alert) ? this.stateOf(alert) : null;
      drawnLevels(alert, state, market).forEach((level, i) => {
        const key = `${alert.id}/${i}`;
        this.levels.set(key, level);
        lines.push(lineOf(key, level));
        if (level.steps.length > 0) courses.push({ id: key, side: level.side, steps: level.steps });
      });
    }
    return { lines, courses };
  }

  /** Where alerts of the ticker have fired, from the bars' beginning on. */
  marks(ticker: string, since: number): Mark[] {
    const own = this.context.store.alerts.filter((a) => a.ticker === ticker && a.triggered_at !== null);
    let asked = 0;
    return own.flatMap((alert): Mark[] => {
      const title = alertTitle(alert, groupDigits);
      const mark = (id: string, time: string, price: string | null, text: string): Mark[] => {
        const seconds = new Date(time).getTime() / 1000;
        return price === null || seconds < since
          ? []
          : [{ id, time: seconds, price: Number(price), sure: true, text: `${title}: ${text}` }];
      };
      const several = (alert.firings ?? 0) > 1 && asked++ < mostHistories ? this.firingsOf(alert) : null;
      if (several !== null)
        return several.flatMap((f) => mark(`${alert.id}/${f.number}`, f.fired_at, f.price, f.because));
      const price = alert.triggered_price;
      const text = price === null ? 'fired' : `fired at ${groupDigits(price)}`;
      return mark(alert.id, alert.triggered_at!, price, text);
    });
  }

  /** Moves a line's alert; false if the server has refused. */
  async move(line: Line, price: string): Promise<boolean> {
    const level = this.levels.get(line.key);
    if (level === undefined) return false;
    if (this.firesAtOnce(level, price) && !(await this.isMeant(level, price))) return false;
    const before = level.price;
    const changed = await patchAlert(this.context, level.alert, withRaw({}, moveOf(level, price)));
    if (changed === null) return false;
    const undo = (): void => {
      void patchAlert(this.context, changed, withRaw({}, moveOf({ ...level, alert: changed }, before)));
    };
    const restarts = changed.firings === undefined ? '' : ' It starts anew.';
    toast(`Moved to ${groupDigits(price)}.${restarts}`, 'good', { label: 'Undo', run: undo });
    return true;
  }

  /** Whether it would fire where it is dropped: the present price is on that side already. */
  private firesAtOnce({ alert, side, price: before }: DrawnLevel, price: string): boolean {
    const present = this.context.store.prices.get(alert.ticker)?.price?.price;
    if (present === undefined || side === null) return false;
    const waits =
      alert.when !== undefined && rulesOf(alert.when).some(({ is }) => !/^(above|below|outside)$/.test(is));
    return !waits && isBeyond(side, price, present) && !isBeyond(side, before, present);
  }

  private isMeant({ alert, side }: DrawnLevel, price: string): Promise<boolean> {
    const text = `${alert.ticker} is ${side} ${groupDigits(price)} already: there, the alert fires at once.`;
    return confirmDialog('Fire at once?', text, 'Move it');
  }

  remove(line: Line): void {
    const alert = this.levels.get(line.key)?.alert;
    if (alert !== undefined) void removeAlert(this.context, alert);
  }

  private stateOf(alert: Alert): AlertStateAnswer | null {
    return this.ask(this.states, alert, `${alert.revision} ${alert.firings} ${alert.status}`, 'state');
  }

  private firingsOf(alert: Alert): FiringAnswer[] | null {
    return this.ask(this.firings, alert, String(alert.firings), `firings?limit=${firingsShown}`);
  }

  /** What is known; asks for it if the alert has changed since. */
  private ask<T>(known: Map<string, Known<T>>, alert: Alert, version: string, what: string): T | null {
    const before = known.get(alert.id);
    if (before?.version === version) return before.value;
    const asked: Known<T> = { version, value: before?.value ?? null };
    known.set(alert.id, asked);
    void this.context.api
      .get<T>(`/api/v1/alerts/${alert.id}/${what}`)
      .then(({ body }) => {
        asked.value = body;
        this.onChange();
      })
      // It is drawn without; the next change asks again.
      .catch(() => {});
    return asked.value;
  }
}

function lineOf(key: string, { alert, price, side, blank, other }: DrawnLevel): Line {
  const title = alertTitle(alert, groupDigits);
  const status = alertStatusInWords(alert);
  return {
    key,
    kind: 'alert',
    id: alert.id,
    price,
    side,
    name: `Alert: ${title}`,
    title: [title, alert.note, status === 'Active' ? '' : status].filter((part) => part !== '').join('\n'),
    movable: blank !== null,
    dimmed: alert.status === 'snoozed' || alert.status === 'scheduled' || alert.status === 'paused',
    other,
  };
}
