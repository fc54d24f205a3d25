// DOM helpers without a framework: one to create elements, one to keep a list of them in step with data.

export type Props = Record<string, unknown>;
type Child = Node | string | null | undefined | false;

/**
 * h('button', { class: 'primary', type: 'button', onclick: f, 'aria-label': '…' }, 'Text'). `on…` are listeners,
 * booleans are attributes that are present or absent, everything else is an attribute. No style attributes: the page's
 * Content-Security-Policy forbids them.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props | null = null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  append(element, children);
  return element;
}

export function svg(tag: string, props: Props, ...children: Node[]): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** Sets a text only if it changes, to avoid needless layout. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

export interface Row<T> {
  element: HTMLElement;
  update(item: T): void;
}

/** The children of `parent`, one per item, in the items' order; rows of items that stay are kept, with their focus. */
export class KeyedList<T> {
  private readonly rows = new Map<string, Row<T>>();
  private readonly parent: HTMLElement;
  private readonly after: Element | null;
  private readonly keyOf: (item: T) => string;
  private readonly create: (item: T) => Row<T>;

  /** `after`: a child of `parent` that stays before the rows. */
  constructor(
    parent: HTMLElement,
    keyOf: (item: T) => string,
    create: (item: T) => Row<T>,
    after: Element | null = null,
  ) {
    this.parent = parent;
    this.after = after;
    this.keyOf = keyOf;
    this.create = create;
  }

  show(items: readonly T[]): void {
    const keys = new Set(items.map(this.keyOf));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      keepFocusNear(row.element);
      row.element.remove();
      this.rows.delete(key);
    }
    let next = this.after === null ? this.parent.firstElementChild : this.after.nextElementSibling;
    for (const item of items) {
      const key = this.keyOf(item);
      let row = this.rows.get(key);
      if (row === undefined) {
        row = this.create(item);
        this.rows.set(key, row);
      }
      row.update(item);
      if (row.element === next) {
        next = next.nextElementSibling;
      } else {
        this.parent.insertBefore(row.element, next);
      }
    }
  }

  get(key: string): Row<T> | undefined {
    return this.rows.get(key);
  }
}

/** If the row to be removed has the focus, moves it to the next row, or to the view's heading. */
function keepFocusNear(row: HTMLElement): void {
  if (!row.contains(document.activeElement)) return;
  const beside = row.nextElementSibling ?? row.previousElementSibling;
  const controls = [...(beside?.querySelectorAll<HTMLElement>('button, a') ?? [])];
  const shown = controls.find((control) => control.offsetParent !== null);
  const target = shown ?? document.querySelector<HTMLElement>('main h1');
  target?.focus();
}

/**
 * Colours a value for a moment when it changes, by its direction: at most twice a second, and without a transition, whose
 * frames would cost more than everything else on the page.
 */
export function flashOf(element: HTMLElement): { show(value: string, direction: number): void } {
  let last: string | null = null;
  let until = 0;
  return {
    show(value, direction) {
      if (value === last) return;
      const first = last === null;
      last = value;
      const now = performance.now();
      if (first || now < until || document.hidden) return;
      until = now + flashPause;
      setAttribute(element, 'data-direction', String(direction));
      setTimeout(() => setAttribute(element, 'data-direction', null), flashBeat + untilBeat(flashBeat));
    },
  };
}
const flashPause = 1000;
const flashBeat = 250;

/** Calls `render` in the next frame, once for many calls; never while the page is hidden. */
export function onFrame(render: () => void): () => void {
  let asked = false;
  const draw = (): void => {
    asked = false;
    render();
  };
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  };
}

/** Calls `work` once for many calls, after `milliseconds`; also while the page is hidden. */
export function once(work: () => void, milliseconds = 0): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work();
    }, milliseconds);
  };
}

// When somebody last touched the page. One that is only looked at is drawn half as often, after a minute a quarter.
let touchedAt = 0;
const untouchedAfter = 10_000;
const leftAfter = 60_000;
if (typeof document !== 'undefined') {
  for (const name of ['pointermove', 'pointerdown', 'keydown', 'wheel'])
    document.addEventListener(name, () => (touchedAt = performance.now()), { passive: true, capture: true });
}

/** Until the next beat, which is the same for all: what changes together costs one frame. */
function untilBeat(milliseconds: number): number {
  const now = performance.now();
  const untouched = now - touchedAt;
  const beat = milliseconds * (untouched > leftAfter ? 4 : untouched > untouchedAfter ? 2 : 1);
  return beat - (now % beat);
}

/**
 * Calls `render` at most once in that time, on a beat, or at once after a pause; not while the page is hidden. By a timer:
 * what the chart then asks to be drawn is in the same frame.
 */
export function paced(render: () => void, milliseconds: number): { ask: () => void; stop: () => void } {
  let waiting = false;
  let ended = false;
  let last = -Infinity;
  const run = (): void => {
    if (document.hidden) return document.addEventListener('visibilitychange', run, { once: true });
    waiting = false;
    last = performance.now();
    if (!ended) render();
  };
  return {
    ask() {
      if (waiting || ended) return;
      waiting = true;
      if (performance.now() - last > 4 * milliseconds) requestAnimationFrame(run);
      else setTimeout(run, untilBeat(milliseconds));
    },
    stop() {
      ended = true;
    },
  };
}

/** Runs the work of a button; ignores presses while it is running. */
export async function whileBusy<T>(
  button: HTMLButtonElement,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (button.getAttribute('aria-busy') === 'true') return undefined;
  button.setAttribute('aria-busy', 'true');
  try {
    return await work();
  } finally {
    button.removeAttribute('aria-busy');
  }
}

let ids = 0;
export function newId(): string {
  return `id${++ids}`;
}

/** The head of a table: its columns, some with attributes; a cell that names no column is an element. */
export function tableHead(...columns: (string | [string, Props] | HTMLElement)[]): HTMLElement {
  const cells = columns.map((column) => {
    if (column instanceof HTMLElement) return column;
    const [text, props] = typeof column === 'string' ? [column, {}] : column;
    return h('th', { scope: 'col', ...props }, text);
  });
  return h('thead', null, h('tr', null, ...cells));
}

/** A list of choices: pairs of a value and its words. */
export function selectOf(
  choices: readonly (readonly [string, string])[],
  props: Props | null = null,
): HTMLSelectElement {
  return h('select', props, ...choices.map(([value, words]) => h('option', { value }, words)));
}

/** A time in local form, with the exact time in UTC as a tooltip. */
export function timeElement(): { element: HTMLTimeElement; set(text: string, exact: string | null): void } {
  const element = h('time');
  return {
    element,
    set(text, exact) {
      setText(element, text);
      setAttribute(element, 'datetime', exact);
      setAttribute(element, 'title', exact);
    },
  };
}
