import type { Context } from '../context.ts';
import { h, setText, show } from '../dom.ts';
import { canInstall, install, onInstallable } from '../install.ts';
import { permissionInWords, type Notifier } from '../notify.ts';
import { devicesPart } from './devices.ts';

/** Requests permission for notifications; hidden once that is granted or denied. */
export function notifyButton(notifier: Notifier): { element: HTMLElement; stop: () => void } {
  const button = h('button', { type: 'button', onclick: () => void notifier.ask() }, 'Desktop notifications');
  const render = (): void => {
    show(button, notifier.permission === 'default');
    button.title = permissionInWords(notifier.permission);
  };
  render();
  return { element: button, stop: notifier.onChange(render) };
}

/** The same button with a text about the current permission. */
export function notifySection(context: Context): { element: HTMLElement; stop: () => void } {
  const { notifier } = context;
  const words = h('p');
  const button = notifyButton(notifier);
  const app = h('button', { type: 'button', onclick: () => void install() }, 'Install as an app');
  const render = (): void => {
    setText(words, permissionInWords(notifier.permission));
    show(app, canInstall());
  };
  render();
  const stops = [notifier.onChange(render), onInstallable(render), button.stop];
  return {
    element: h(
      'section',
      { class: 'panel', 'aria-label': 'Notifications' },
      h('h2', null, 'Notifications'),
      words,
      h('div', { class: 'actions' }, button.element, app),
      devicesPart(context),
    ),
    stop: () => stops.forEach((stop) => stop()),
  };
}
