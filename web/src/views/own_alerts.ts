// The active alerts of one ticker, the nearest first.
import { conditionSign, sideOf } from '../conditions.ts';
import type { Context } from '../context.ts';
import { groupDigits } from '../decimal.ts';
import { h, KeyedList, setAttribute, setText, show } from '../dom.ts';
import { alertTitle, formatDistance } from '../format.ts';
import { isLine, type Alert } from '../types.ts';

const noneWatched = 'None yet. Pick a price on the chart: by the + beside the axis, or with a long press.';
const mostShown = 8;

export interface OwnAlerts {
  element: HTMLElement;
  render(ticker: string, watched: Alert[]): void;
}

/** `onOpen` is called when one is pressed. */
export function ownAlerts({ store }: Context, onOpen: (id: string, beside: HTMLElement) => void): OwnAlerts {
  let present: string | null = null;
  const own = h('ul', { class: 'own-alerts' });
  const empty = h('p', { class: 'hint' }, noneWatched);
  const all = h('a', { href: '#/alerts' }, 'All alerts');
  const list = new KeyedList<Alert>(
    own,
    (a) => a.id,
    ({ id }) =>
      ownAlert(
        () => present,
        (beside) => onOpen(id, beside),
      ),
  );
  return {
    element: h(
      'section',
      { class: 'panel own-panel', 'aria-label': 'Active alerts' },
      h('h2', null, 'Active alerts'),
      own,
      empty,
      h('p', { class: 'hint' }, all),
    ),
    render(ticker, watched) {
      present = store.prices.get(ticker)?.price?.price ?? null;
      const now = Number(present ?? '0');
      // Those that are no line come last.
      const distance = (a: Alert): number => (isLine(a) ? Math.abs(Number(a.target_price) - now) : Infinity);
      list.show([...watched].sort((a, b) => distance(a) - distance(b) || 0).slice(0, mostShown));
      show(empty, watched.length === 0);
      setText(empty, store.alertsLoaded ? noneWatched : 'Loading your alerts…');
      show(own, watched.length > 0);
      setText(all, watched.length > mostShown ? `All alerts (${watched.length} on ${ticker})` : 'All alerts');
    },
  };
}

function ownAlert(
  present: () => string | null,
  onOpen: (beside: HTMLElement) => void,
): { element: HTMLElement; update(alert: Alert): void } {
  const target = h('span', { class: 'target' });
  const distance = h('span', { class: 'muted' });
  const note = h('span', { class: 'note' });
  const button = h(
    'button',
    { type: 'button', class: 'own-alert', 'aria-haspopup': 'dialog' },
    target,
    distance,
    note,
  );
  button.addEventListener('click', () => onOpen(button));
  const element = h('li', null, button);
  return {
    element,
    update(alert) {
      const now = present();
      if (isLine(alert) && alert.repeat == null && (alert.when === undefined || 'is' in alert.when)) {
        setText(target, `${conditionSign(alert.condition)} ${groupDigits(alert.target_price)}`);
      } else {
        setText(target, alertTitle(alert, groupDigits));
      }
      setAttribute(target, 'data-side', alert.condition === null ? null : sideOf(alert.condition));
      setText(distance, now === null || !isLine(alert) ? '' : formatDistance(now, alert.target_price));
      setText(note, alert.note);
    },
  };
}
