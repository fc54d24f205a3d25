import { h, setText, show } from '../dom.ts';
import { permissionInWords, type Notifier } from '../notify.ts';

/** Asks for the permission to notify; gone once that is settled. */
export function notifyButton(notifier: Notifier): { element: HTMLElement; stop: () => void } {
  const button = h('button', { type: 'button', onclick: () => void notifier.ask() }, 'Notify me here');
  const render = (): void => {
    show(button, notifier.permission === 'default');
    button.title = permissionInWords(notifier.permission);
  };
  render();
  return { element: button, stop: notifier.onChange(render) };
}

/** The same with words about how it stands. */
export function notifySection(notifier: Notifier): { element: HTMLElement; stop: () => void } {
  const words = h('p');
  const button = notifyButton(notifier);
  const render = (): void => setText(words, permissionInWords(notifier.permission));
  render();
  const stop = notifier.onChange(render);
  return {
    element: h(
      'section',
      { class: 'panel', 'aria-label': 'Notifications' },
      h('h2', null, 'Notifications'),
      words,
      button.element,
    ),
    stop() {
      stop();
      button.stop();
    },
  };
}
