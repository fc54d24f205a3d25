import { h, setText, show } from '../dom.ts';
import { permissionInWords, type Notifier } from '../notify.ts';

/** Requests permission for notifications; hidden once that is granted or denied. */
export function notifyButton(notifier: Notifier): { element: HTMLElement; stop: () => void } {
  const button = h('button', { type: 'button', onclick: () => void notifier.ask() }, 'Notify me');
  const render = (): void => {
    show(button, notifier.permission === 'default');
    button.title = permissionInWords(notifier.permission);
  };
  render();
  return { element: button, stop: notifier.onChange(render) };
}

/** The same button with a text about the current permission. */
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
