// What a new alert would have done in the last days: asked a moment after the last change, one request at a time.
import { ApiError } from './api.ts';
import type { Mark } from './chart.ts';
import type { Context } from './context.ts';
import { groupDigits } from './decimal.ts';
import { h, setAttribute, setText } from './dom.ts';
import { formatClock, formatDay } from './format.ts';
import type { PreviewAnswer } from './types.ts';

const after = 600;
const span = '30d';
const days = 30;

export class Preview {
  readonly element = h('p', { class: 'hint preview', role: 'status' });
  marks: Mark[] = [];
  private readonly context: Context;
  private readonly onMarks: () => void;
  private rule: string | null = null; // JSON of what is shown
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking = false;

  constructor(context: Context, onMarks: () => void) {
    this.context = context;
    this.onMarks = onMarks;
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.rule = null;
  }

  /** `rule` is the JSON that creates the alert, as far as it says when it fires; null: there is none. */
  ask(rule: string | null): void {
    if (rule === this.rule) return;
    this.rule = rule;
    this.tell('', '', []);
    clearTimeout(this.timer);
    if (rule !== null) this.timer = setTimeout(() => void this.load(), after);
  }

  private async load(): Promise<void> {
    const { rule } = this;
    if (rule === null || this.asking) return;
    this.asking = true;
    // The rule's numbers keep their digits.
    const body = `${rule.slice(0, -1)},"over":"${span}"}`;
    try {
      const answer = await this.context.api.post<PreviewAnswer>('/api/v1/alerts/preview', body);
      if (rule === this.rule) this.show(answer);
    } catch (error) {
      // What is wrong with it is told when it is created.
      if (rule === this.rule && error instanceof ApiError && error.status === 503)
        this.tell(error.message, '', []);
    } finally {
      this.asking = false;
    }
    if (rule !== this.rule) void this.load();
  }

  private show({ would_have_fired, firings, covers, notes }: PreviewAnswer): void {
    const { least, most } = would_have_fired;
    const shorter = Date.parse(covers.to) - Date.parse(covers.from) < (days - 1) * 86_400_000;
    const time = shorter ? `Since ${dayAndClock(covers.from)}` : `In the last ${days} days`;
    const count =
      most === 0
        ? 'it would not have fired'
        : `it would have fired ${least === most ? timesInWords(most) : `${least} to ${most} times`}`;
    const last = firings.at(-1);
    const text = `${time} ${count}${last === undefined ? '' : `, last on ${dayAndClock(last.time)}`}.`;
    const marks = firings.map((firing, i): Mark => {
      const { from, to } = firing.price;
      const price = from === to ? groupDigits(from) : `${groupDigits(from)} to ${groupDigits(to)}`;
      return {
        id: `preview/${i}`,
        time: new Date(firing.time).getTime() / 1000,
        price: (Number(from) + Number(to)) / 2,
        sure: firing.sure,
        text: `would have fired at ${price}${firing.sure ? '' : ', or not: the minute’s order is not known'}`,
      };
    });
    this.tell(text, notes.join(' '), marks);
  }

  private tell(text: string, notes: string, marks: Mark[]): void {
    setText(this.element, text);
    setAttribute(this.element, 'title', notes === '' ? null : notes);
    const changed = marks.length > 0 || this.marks.length > 0;
    this.marks = marks;
    if (changed) this.onMarks();
  }
}

function dayAndClock(time: string): string {
  const date = new Date(time);
  return `${formatDay(date)} ${formatClock(date, false)}`;
}

function timesInWords(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
