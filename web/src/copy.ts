// Copying to the clipboard, with a button that says whether it worked.
import { h, setText } from './dom.ts';

/** False if it was not copied. Without the clipboard API (plain http) the text is selected for the keyboard. */
export async function copy(text: string, shown?: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return shown === undefined ? copyUnshown(text) : copySelected(shown);
  }
}

function copySelected(shown: HTMLElement): boolean {
  const range = document.createRange();
  range.selectNodeContents(shown);
  const selection = getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
  return document.execCommand('copy');
}

function copyUnshown(text: string): boolean {
  const place = h('textarea', { class: 'visually-hidden', 'aria-hidden': 'true', tabindex: '-1' });
  place.value = text;
  // Within an open dialog nothing outside it can be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(place);
  const focused = document.activeElement;
  place.select();
  const copied = document.execCommand('copy');
  place.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

/**
 * `text` is asked at each press; `of` says to screen readers what is copied. Of what is `shown`, the text stays selected
 * where copying is impossible.
 */
export function copyButton(
  label: string,
  text: () => string,
  { of, shown }: { of?: string; shown?: HTMLElement } = {},
): HTMLButtonElement {
  const word = h('span', null, label);
  const rest = of === undefined ? null : h('span', { class: 'visually-hidden' }, ` ${of}`);
  const button = h('button', { type: 'button' }, word, rest);
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener('click', () => {
    void copy(text(), shown).then((copied) => {
      const said = copied ? 'Copied' : shown === undefined ? 'Not copied' : 'Press Ctrl+C';
      setText(word, said);
      announce(said, button);
      clearTimeout(timer);
      timer = setTimeout(() => setText(word, label), 2500);
    });
  });
  return button;
}

/** To screen readers. What is outside an open dialog is not announced, so it is said beside the control. */
function announce(text: string, beside: HTMLElement): void {
  const region = h('span', { class: 'visually-hidden', role: 'status' });
  (beside.closest('dialog') ?? document.body).append(region);
  setTimeout(() => setText(region, text), 50);
  setTimeout(() => region.remove(), 3000);
}
