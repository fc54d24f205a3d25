// The first five minutes: keep the key, see a signed webhook arrive, verify it, make the first alert.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import { h, onFrame, setAttribute, setText, show, whileBusy } from '../dom.ts';
import { testUrl } from '../endpoint_actions.ts';
import { errorRegion } from '../field.ts';
import { formatTime } from '../format.ts';
import { indentJson } from '../json.ts';
import { caughtRequest } from '../samples.ts';
import type { Catcher, Caught } from '../types.ts';
import { keepKeys } from './keys.ts';
import { samples } from './samples_panel.ts';

const stepNames = ['key', 'test', 'verify', 'alert'] as const;
type StepName = (typeof stepNames)[number];

interface Step {
  element: HTMLElement;
  setDone(done: boolean): void;
}

function step(number: number, title: string, ...content: HTMLElement[]): Step {
  const mark = h('span', { class: 'step-mark', 'aria-hidden': 'true' }, String(number));
  const state = h('span', { class: 'visually-hidden' }, 'to do');
  return {
    element: h(
      'li',
      { class: 'panel step', 'data-testid': `step-${stepNames[number - 1]}` },
      h('div', { class: 'step-head' }, mark, h('h2', null, title), state),
      h('div', { class: 'step-body' }, ...content),
    ),
    setDone(done) {
      setText(mark, done ? '✓' : String(number));
      setText(state, done ? 'done' : 'to do');
      setAttribute(mark, 'data-done', String(done));
    },
  };
}

export function startView(context: Context): View {
  const { api, store, session } = context;
  const done = new Set<string>((session.read('steps') ?? '').split(','));
  let catcher: Catcher | null = null;
  let caught: Caught | null = store.caught;
  let tested: string | null = null; // the delivery of the last test

  const progress = h('p', { class: 'hint', role: 'status' });
  const keep = keepKeys(context, () => finish('key'));

  const address = h('code', { class: 'breakable', 'data-testid': 'catcher-url' });
  const send = h('button', { type: 'button', class: 'primary' }, 'Send me a test');
  send.addEventListener('click', () => void whileBusy(send, sendTest));
  const use = h('button', { type: 'button' }, 'Use this address for my first alert');
  use.addEventListener('click', () => {
    if (catcher === null) return;
    session.write('webhook_url', catcher.url);
    location.hash = '#/market';
  });
  const said = h('p', { role: 'status', 'data-testid': 'catcher-state' });
  const error = errorRegion();
  const headers = h('pre', { tabindex: '0', 'aria-label': 'Headers' });
  const body = h('pre', { tabindex: '0', 'aria-label': 'Body' });
  const shown = h(
    'div',
    { class: 'caught', 'data-testid': 'caught' },
    h('h3', null, 'Headers'),
    headers,
    h('h3', null, 'Body'),
    body,
  );

  const verify = samples(context, null, () => finish('verify'));
  const verified = h('button', { type: 'button' }, 'I have verified one');
  verified.addEventListener('click', () => finish('verify'));

  const steps: Record<StepName, Step> = {
    key: step(1, 'Keep your key', keep),
    test: step(
      2,
      'See a signed webhook arrive',
      h(
        'p',
        null,
        'This server has a receiver for trying out: it shows what your own server would get. Its address is yours alone and ends after an hour.',
      ),
      h('div', { class: 'actions' }, send, use),
      address,
      said,
      error.element,
      shown,
    ),
    verify: step(
      3,
      'Verify it in your own code',
      h('p', null, 'A receiver that checks the signature, with your secret filled in.'),
      verify.element,
      h('div', { class: 'actions' }, verified),
    ),
    alert: step(
      4,
      'Make your first alert',
      h('p', null, 'Choose a coin, say when, and where the webhook goes.'),
      h(
        'div',
        { class: 'actions' },
        h('a', { class: 'button primary', href: '#/market' }, 'Open the market'),
      ),
    ),
  };
  const element = h(
    'div',
    { class: 'page start' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'First steps'), progress),
    h('ol', { class: 'steps' }, ...stepNames.map((name) => steps[name].element)),
  );

  function finish(name: StepName): void {
    done.add(name);
    session.write('steps', [...done].filter(Boolean).join());
    render();
  }

  async function sendTest(): Promise<void> {
    error.set('');
    try {
      if (catcher === null || new Date(catcher.expires_at).getTime() < store.now() + 60_000)
        catcher = await api.post<Catcher>('/api/v1/catcher');
      setText(said, 'On its way…');
      render();
      tested = (await testUrl(context, catcher.url)).id;
    } catch (failed) {
      setText(said, '');
      error.set(messageOf(failed));
    }
    render();
  }

  function render(): void {
    if (store.alerts.length > 0) done.add('alert');
    for (const name of stepNames) steps[name].setDone(done.has(name));
    const count = stepNames.filter((name) => done.has(name)).length;
    setText(progress, count === stepNames.length ? 'All done.' : `${count} of ${stepNames.length} done`);
    show(address, catcher !== null);
    show(use, catcher !== null);
    setText(address, catcher?.url ?? '');
    show(shown, caught !== null);
  }

  function showCaught(request: Caught): void {
    caught = request;
    const right = request.signature === 'valid' ? 'right' : request.signature;
    setText(said, `Arrived at ${formatTime(request.at)}. Its signature is ${right}.`);
    const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
    setText(headers, lines.join('\n'));
    setText(body, indentJson(request.body));
    verify.setCaught(caughtRequest(request));
    finish('test');
  }

  const soon = onFrame(render);
  const stops = [
    store.on(['alerts'], soon),
    store.on(['caught'], () => store.caught !== null && showCaught(store.caught)),
    store.on(['deliveries'], () => {
      const delivery = tested === null ? undefined : store.delivery(tested);
      // One that has arrived is shown as it was caught.
      if (delivery === undefined || !['failed', 'expired', 'cancelled'].includes(delivery.status)) return;
      tested = null;
      setText(said, `The test was not delivered: ${delivery.reason ?? delivery.status}.`);
    }),
  ];
  if (caught !== null) showCaught(caught);
  render();
  return {
    element,
    destroy() {
      stops.forEach((stop) => stop());
    },
  };
}
