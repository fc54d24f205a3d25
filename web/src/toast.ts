// Short messages in a corner, announced politely. They do not shift the layout, and disappear by themselves.
import { h } from './dom.ts';

const shownFor = 6000;
const atMost = 4;

export interface ToastAction {
  label: string;
  run: () => void;
}

/** Removes all toasts: their actions must not be offered to the next user. */
export function clearToasts(): void {
  document.getElementById('toasts')?.replaceChildren();
}

export function toast(message: string, kind: 'info' | 'good' | 'bad' = 'info', action?: ToastAction): void {
  const host = document.getElementById('toasts');
  if (host === null) return;
  while (host.childElementCount >= atMost) host.firstElementChild?.remove();
  const element = h('div', { class: `toast ${kind}` }, h('span', null, message));
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
    element.append(
      h(
        'button',
        {
          type: 'button',
          class: 'link',
          onclick: () => {
            close();
            action.run();
          },
        },
        action.label,
      ),
    );
  }
  element.append(
    h('button', { type: 'button', class: 'icon', 'aria-label': 'Dismiss', onclick: close }, '×'),
  );
  // It stays while it is hovered or focused.
  for (const name of ['pointerenter', 'focusin']) element.addEventListener(name, () => clearTimeout(timer));
  for (const name of ['pointerleave', 'focusout']) element.addEventListener(name, arm);
  host.append(element);
  arm();
}
