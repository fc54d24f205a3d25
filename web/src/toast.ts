// Short messages, announced politely. They take no room in the layout, cover no control, and disappear by themselves.
import { h, setText } from './dom.ts';
import { covered, placeToast, type Box } from './toast_place.ts';

const shownFor = 6000;
const atMost = 3;
// While there are messages: what is below them may change.
const lookAgain = 500;

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  readonly isShown: boolean;
  /** Shows another text, for as long as a new message. */
  say(message: string): void;
  close(): void;
}

/** Removes all toasts: their actions must not be offered to the next user. */
export function clearToasts(): void {
  document.getElementById('toasts')?.replaceChildren();
}

type Kind = 'info' | 'good' | 'bad';

export function toast(message: string, kind: Kind = 'info', action?: ToastAction): void {
  lastingToast(message, kind, action);
}

/** One whose text can change while it is shown. */
export function lastingToast(message: string, kind: Kind, action?: ToastAction): Toast {
  const host = document.getElementById('toasts');
  const text = h('span', null, message);
  const element = h('div', { class: `toast ${kind}` }, text);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = (): void => {
    clearTimeout(timer);
    element.remove();
  };
  const arm = (): void => {
    clearTimeout(timer);
    timer = setTimeout(close, action === undefined ? shownFor : 2 * shownFor);
  };
  if (action !== undefined) {
    const run = (): void => {
      close();
      action.run();
    };
    element.append(h('button', { type: 'button', class: 'link', onclick: run }, action.label));
  }
  element.append(
    h('button', { type: 'button', class: 'icon', 'aria-label': 'Dismiss', onclick: close }, '×'),
  );
  // It stays while it is hovered or focused.
  for (const name of ['pointerenter', 'focusin']) element.addEventListener(name, () => clearTimeout(timer));
  for (const name of ['pointerleave', 'focusout']) element.addEventListener(name, arm);
  if (host !== null) {
    makeRoom(host);
    host.append(element);
    place(host);
    watch(host);
  }
  arm();
  return {
    get isShown() {
      return element.isConnected;
    },
    close,
    say(next) {
      setText(text, next);
      if (host !== null) place(host);
      if (!element.matches(':hover, :focus-within')) arm();
    },
  };
}

/** What reports no error goes first. */
function makeRoom(host: HTMLElement): void {
  while (host.childElementCount >= atMost)
    (host.querySelector('.toast:not(.bad)') ?? host.firstElementChild)?.remove();
}

const controls =
  'a[href], button, input, select, textarea, summary, [role=slider], [role=option], [tabindex="0"], h1, h2, .big-price';

function obstacles(): Box[] {
  const found: Box[] = [];
  for (const element of document.querySelectorAll(controls)) {
    if (element.closest('#toasts') !== null) continue;
    const { left, top, width, height } = element.getBoundingClientRect();
    // What is larger is a region that takes the focus, such as the chart.
    const isControl = width * height < (innerWidth * innerHeight) / 8;
    if (width > 1 && height > 1 && isControl) found.push({ left, top, width, height });
  }
  return found;
}

function place(host: HTMLElement): void {
  if (host.matches(':hover, :focus-within')) return;
  const { left, top, width, height } = host.getBoundingClientRect();
  const inTheWay = obstacles();
  const isPlaced = host.style.transform !== '';
  const screen = { left: 0, top: 0, width: document.documentElement.clientWidth, height: innerHeight };
  const isInside = left >= 0 && top >= 0 && left + width <= screen.width && top + height <= screen.height;
  if (isPlaced && isInside && covered({ left, top, width, height }, inTheWay) === 0) return;
  const at = placeToast({ width, height }, screen, inTheWay);
  // Not by its position, which would count as a shift of the layout.
  host.style.transform = `translate(${at.left}px, ${at.top}px)`;
}

let watching: ReturnType<typeof setInterval> | undefined;
function watch(host: HTMLElement): void {
  watching ??= setInterval(() => {
    if (host.childElementCount > 0) return place(host);
    clearInterval(watching);
    watching = undefined;
    host.style.transform = '';
  }, lookAgain);
}
