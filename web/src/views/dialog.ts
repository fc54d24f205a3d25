// Modal dialogs: the browser traps the focus and restores it.
import { h, newId } from '../dom.ts';
import { field } from '../field.ts';
import type { NewKeys } from '../types.ts';
import { keysPanel } from './keys.ts';

/** Asks for confirmation. With `typed`, that text has to be typed first. */
export function confirmDialog(
  title: string,
  text: string,
  yes: string,
  danger = false,
  typed: { label: string; text: string } | null = null,
): Promise<boolean> {
  return new Promise((resolve) => {
    const heading = h('h2', { id: newId() }, title);
    const sure = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, yes);
    const proof =
      typed === null
        ? null
        : field(
            typed.label,
            h('input', { autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' }),
          );
    const isProved = (): boolean => proof === null || proof.input.value.trim() === typed!.text;
    const form = h(
      'form',
      { novalidate: true },
      h('p', null, text),
      proof?.element,
      h(
        'div',
        { class: 'actions' },
        sure,
        h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
      ),
    );
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      if (isProved()) return dialog.close('yes');
      proof!.setError('This is not what is asked for.');
      proof!.input.focus();
    });
    const dialog = h('dialog', { class: 'confirm', 'aria-labelledby': heading.id }, heading, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Shows new secrets until the user confirms that they are saved; Escape does not close it. */
export function keysDialog(keys: NewKeys): Promise<void> {
  return new Promise((resolve) => {
    const panel = keysPanel(keys, () => dialog.close());
    const dialog = h(
      'dialog',
      { class: 'keys-dialog', 'aria-label': panel.getAttribute('aria-label') },
      panel,
    );
    dialog.addEventListener('cancel', (e) => e.preventDefault());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector<HTMLElement>('h2')?.focus();
  });
}
