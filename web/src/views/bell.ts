// The bell: how many firings have not been read, and a list of them. They are read once the list has been opened.
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, KeyedList, newId, setAttribute, setText, show, svg, timeElement, type Row } from '../dom.ts';
import { alertTitle, formatTime } from '../format.ts';
import type { Entry } from '../inbox.ts';
import { notifyButton } from './notify_button.ts';

const mostShown = 50;

export interface Bell {
  element: HTMLElement;
  open(): void;
  render(): void;
  destroy(): void;
}

export function bell(context: Context): Bell {
  const { inbox, notifier } = context;
  const id = newId();
  const count = h('span', { class: 'bell-count', 'aria-hidden': 'true' });
  const button = h('button', {
    type: 'button',
    class: 'bell-button quiet',
    'aria-expanded': 'false',
    'aria-controls': id,
    'data-testid': 'bell',
    onclick: () => (panel.hidden ? open() : close()),
  });
  button.append(
    svg(
      'svg',
      { viewBox: '0 0 24 24', class: 'bell-icon', 'aria-hidden': 'true' },
      svg('path', { d: 'M12 3a6 6 0 0 0-6 6v5l-2 3h16l-2-3V9a6 6 0 0 0-6-6zM10 20h4' }),
    ),
    count,
  );
  const heading = h('h2', { tabindex: '-1' }, 'Fired');
  const body = h('ul');
  const list = new KeyedList<Entry>(body, (entry) => entry.key, row);
  const empty = h('p', { class: 'hint' }, 'Nothing has fired lately.');
  const notify = notifyButton(notifier);
  const panel = h(
    'section',
    { id, class: 'bell-panel', 'aria-label': 'Fired alerts', 'data-testid': 'bell-panel' },
    h(
      'div',
      { class: 'bell-head' },
      heading,
      h('a', { href: '#/alerts', onclick: () => close() }, 'All alerts'),
    ),
    body,
    empty,
    notify.element,
  );
  panel.hidden = true;
  const element = h('div', { class: 'bell' }, button, panel);
  // Those that were unread when the list was opened stay marked until it is closed.
  const marked = new Set<string>();

  function row(): Row<Entry> {
    const title = h('a', { onclick: () => close() });
    const price = h('span', { class: 'muted' });
    const time = timeElement();
    const item = h('li', null, title, price, time.element);
    return {
      element: item,
      update(entry) {
        const { alert, at, deliveryId } = entry;
        setText(title, alertTitle(alert, groupDigits));
        setAttribute(title, 'href', deliveryId === null ? '#/deliveries' : `#/deliveries/${deliveryId}`);
        setText(price, alert.triggered_price === null ? '' : `at ${groupDigits(alert.triggered_price)}`);
        const exact = new Date(at).toISOString();
        time.set(formatTime(exact), exact);
        setAttribute(item, 'data-unread', marked.has(entry.key) ? 'true' : null);
      },
    };
  }

  function render(): void {
    const { unread } = inbox;
    setText(count, unread > 99 ? '99+' : String(unread));
    show(count, unread > 0);
    setAttribute(button, 'aria-label', unread === 0 ? 'Fired alerts' : `Fired alerts: ${unread} unread`);
    setAttribute(button, 'title', unread === 0 ? 'Fired alerts' : `${unread} fired since you last looked`);
    if (panel.hidden) return;
    const entries = inbox.all.slice(0, mostShown);
    list.show(entries);
    show(body, entries.length > 0);
    show(empty, entries.length === 0);
  }

  function open(): void {
    for (const entry of inbox.all) if (inbox.isUnread(entry)) marked.add(entry.key);
    show(panel, true);
    setAttribute(button, 'aria-expanded', 'true');
    context.readFirings();
    heading.focus();
    document.addEventListener('pointerdown', onPress);
    document.addEventListener('keydown', onKey);
  }

  function close(refocus = false): void {
    if (panel.hidden) return;
    show(panel, false);
    setAttribute(button, 'aria-expanded', 'false');
    // What has fired while the list was open has been seen.
    context.readFirings();
    marked.clear();
    document.removeEventListener('pointerdown', onPress);
    document.removeEventListener('keydown', onKey);
    if (refocus) button.focus();
  }

  const onPress = (e: Event): void => {
    if (!element.contains(e.target as Node)) close();
  };
  const onKey = (e: KeyboardEvent): void => {
    if (e.key === 'Escape') close(true);
  };

  render();
  return {
    element,
    open,
    render,
    destroy() {
      close();
      notify.stop();
    },
  };
}
