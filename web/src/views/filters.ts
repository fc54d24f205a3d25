// Controls that narrow a list.
import { h } from '../dom.ts';

export interface Segmented<T extends string> {
  element: HTMLElement;
  value(): T;
}

/** Buttons of which one is pressed. */
export function segmented<T extends string>(
  label: string,
  choices: readonly (readonly [T, string])[],
  first: T,
  onChoice: (value: T) => void,
): Segmented<T> {
  let value = choices.some(([each]) => each === first) ? first : choices[0]![0];
  const buttons = choices.map(([each, text]) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(each === value),
        onclick: () => {
          value = each;
          choices.forEach(([other], i) => buttons[i]!.setAttribute('aria-pressed', String(other === value)));
          onChoice(value);
        },
      },
      text,
    ),
  );
  return {
    element: h('div', { class: 'segmented', role: 'group', 'aria-label': label }, ...buttons),
    value: () => value,
  };
}

export function searchField(label: string, value: string, onText: (text: string) => void): HTMLInputElement {
  const input = h('input', { type: 'search', 'aria-label': label, placeholder: label, maxlength: '100' });
  input.value = value;
  input.addEventListener('input', () => onText(input.value.trim()));
  return input;
}

export interface Choice {
  element: HTMLSelectElement;
  options: string; // what they were set to
}

export function choice(label: string, onChoice: (value: string) => void): Choice {
  const element = h('select', { 'aria-label': label });
  element.addEventListener('change', () => onChoice(element.value));
  return { element, options: '' };
}

/** Sets the options only if they differ: the list may be open. */
export function setOptions(of: Choice, options: readonly (readonly [string, string])[], value: string): void {
  const text = options.map((option) => option.join('\n')).join('\n\n');
  if (text !== of.options) {
    of.options = text;
    of.element.replaceChildren(...options.map(([each, words]) => h('option', { value: each }, words)));
  }
  if (of.element.value !== value) of.element.value = value;
}
