// Modal dialogs: the browser traps the focus and restores it.
import { h } from '../dom.ts';
import type { NewKeys } from '../types.ts';
import { keysPanel } from './keys.ts';

/** Asks for confirmation. */
export function confirmDialog(title: string, text: string, yes: string, danger = false): Promise<boolean> {
  return new Promise((resolve) => {
    const heading = h('h2', { id: 'dialog-title' }, title);
    const dialog = h(
      'dialog',
      { 'aria-labelledby': heading.id },
      heading,
      h('p', null, text),
      h(
        'div',
        { class: 'actions' },
        h(
          'button',
          { type: 'button', class: danger ? 'danger' : 'primary', onclick: () => dialog.close('yes') },
          yes,
        ),
        h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
      ),
    );
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
    const dialog = h('dialog', { class: 'keys-dialog', 'aria-label': 'Your keys' });
    dialog.append(keysPanel(keys, () => dialog.close()));
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
