// A labelled field with its error below, and a form's error above its button.
import { h, newId, setAttribute, setText } from './dom.ts';
import { ApiError, messageOf } from './api.ts';
import { fieldOfTime, timeOfField, zoneInWords } from './format.ts';

export type Input = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export interface Field {
  element: HTMLElement;
  input: Input;
  setError(message: string): void;
}

export function field(label: string, input: Input, hint?: string | HTMLElement): Field {
  const id = newId();
  input.id = id;
  const error = h('p', { class: 'field-error', id: `${id}-error` });
  const describedBy: string[] = [];
  let hintElement: HTMLElement | null = null;
  if (hint !== undefined) {
    hintElement = typeof hint === 'string' ? h('p', { class: 'hint' }, hint) : hint;
    hintElement.id = `${id}-hint`;
    describedBy.push(hintElement.id);
  }
  input.setAttribute('aria-describedby', [...describedBy, error.id].join(' '));
  const element = h('div', { class: 'field' }, h('label', { for: id }, label), input, hintElement, error);
  return { element, input, setError: errorAt(input, error) };
}

/** Shows an error at the field until something else is entered. */
function errorAt(input: Input, error: HTMLElement): Field['setError'] {
  const setError = (message: string): void => {
    setText(error, message);
    setAttribute(input, 'aria-invalid', message === '' ? null : 'true');
  };
  input.addEventListener('input', () => setError(''));
  return setError;
}

/** A moment, in the chosen zone, which is said; `hint`: what an empty one means. */
export function momentField(
  label: string,
  hint: string,
): Field & { time(): string | null; set(time: string | null): void } {
  const input = h('input', { type: 'datetime-local' });
  const zone = `In ${zoneInWords()}`;
  return {
    ...field(label, input, hint === '' ? zone : `${zone}; ${hint}`),
    time: () => timeOfField(input.value),
    set: (time) => (input.value = fieldOfTime(time)),
  };
}

/** A field within a sentence: it has a label of its own, and its errors stand in `errors`. */
export function inlineField(input: Input, errors: HTMLElement, describedBy: string): Field {
  const id = newId();
  input.id = id;
  const error = h('p', { class: 'field-error', id: `${id}-error` });
  errors.append(error);
  input.setAttribute('aria-describedby', `${describedBy} ${error.id}`);
  return { element: input, input, setError: errorAt(input, error) };
}

/** A region whose text screen readers announce; empty unless there is an error. */
export function errorRegion(): { element: HTMLElement; set(message: string): void } {
  const element = h('div', { class: 'error', role: 'alert' });
  return { element, set: (message) => setText(element, message) };
}

/** Shows errors at their fields and the rest in the region, and focuses the first field with an error. */
export function showErrors(
  error: unknown,
  fields: Record<string, Field>,
  region: { set(message: string): void },
): void {
  const rest: string[] = [];
  let first: Input | null = null;
  if (error instanceof ApiError && error.fields.length > 0) {
    for (const { field: name, message } of error.fields) {
      const named = fields[name];
      if (named === undefined) {
        rest.push(name === '' ? message : `${name}: ${message}`);
      } else {
        named.setError(message);
        first ??= named.input;
      }
    }
  } else {
    rest.push(messageOf(error));
  }
  region.set(rest.join(' '));
  first?.focus();
}
