// How this browser shows the page; each choice takes effect, and is kept, at once.
import { groupDigits } from '../decimal.ts';
import { h, newId, selectOf, setText } from '../dom.ts';
import { zoneInWords } from '../format.ts';
import { settings, type Settings } from '../settings.ts';
import { playChime } from '../sound.ts';

type Choice = 'theme' | 'zone' | 'numbers';

function choice<K extends Choice>(name: K, title: string, options: [Settings[K], string][]): HTMLElement {
  const id = newId();
  const select = selectOf(options, { id, onchange: () => settings.change({ [name]: select.value }) });
  select.value = settings.now[name];
  return h('div', { class: 'field' }, h('label', { for: id }, title), select);
}

function zones(): [string, string][] {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const all = Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC');
  return [
    ['', `This computer’s: ${own}`],
    ['UTC', 'UTC'],
    ...all.map((zone): [string, string] => [zone, zone.replaceAll('_', ' ')]),
  ];
}

export function settingsSection(): { element: HTMLElement; stop: () => void } {
  const sound = h('input', {
    type: 'checkbox',
    onchange: () => {
      settings.change({ sound: sound.checked });
      if (sound.checked) playChime();
    },
  });
  sound.checked = settings.now.sound;
  const sample = h('p', { class: 'hint' });
  const render = (): void => {
    setText(
      sample,
      `A price looks like ${groupDigits('65420.15')}. Times are in ${zoneInWords()}; days and weeks of charts, always in UTC.`,
    );
  };
  render();
  return {
    stop: settings.onChange(render),
    element: h(
      'section',
      { class: 'panel', 'aria-label': 'Display' },
      h('h2', null, 'Display'),
      choice('theme', 'Theme', [
        ['system', 'As the system'],
        ['light', 'Light'],
        ['dark', 'Dark'],
      ]),
      choice('zone', 'Time zone', zones()),
      choice('numbers', 'Numbers', [
        ['point', '65,420.15'],
        ['comma', '65.420,15'],
        ['space', '65 420,15'],
        ['system', 'As the system'],
      ]),
      sample,
      h('label', { class: 'check' }, sound, 'Play a sound when an alert fires'),
      h('p', { class: 'hint' }, 'Kept in this browser, on this device.'),
    ),
  };
}
