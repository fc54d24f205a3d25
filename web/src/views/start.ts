// The first five minutes: keep the key, see a signed webhook arrive, verify it, make the first alert.
import { messageOf } from '../api.ts';
import { makeCatcher, readCatcher, requestOf, type Catcher } from '../catcher.ts';
import type { Context, View } from '../context.ts';
import { h, onFrame, setAttribute, setText, show, whileBusy } from '../dom.ts';
import { testUrl } from '../endpoint_actions.ts';
import { errorRegion } from '../field.ts';
import { formatTime } from '../format.ts';
import { indentJson } from '../json.ts';
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
  let tested: string | null = null; // the delivery of the last test
  let ended = false;

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
  const shown = h('div', { class: 'caught', 'data-testid': 'caught' }, h('h3', null, 'Headers'), headers, h('h3', null, 'Body'), body);

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
      h('div', { class: 'actions' }, h('a', { class: 'button primary', href: '#/market' }, 'Open the market')),
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
        catcher = await makeCatcher(api);
      setText(said, 'On its way…');
      tested = (await testUrl(context, catcher.url)).id;
      await watch();
    } catch (failed) {
      setText(said, '');
      error.set(messageOf(failed));
    }
    render();
  }

  /** Reads what has arrived; the stream says when the test has been delivered. */
  async function watch(): Promise<void> {
    if (catcher === null || ended) return;
    catcher = await readCatcher(api, catcher.id);
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
    const newest = catcher?.requests[0];
    show(shown, newest !== undefined);
    if (newest === undefined) return;
    setText(
      said,
      newest.signature === 'valid'
        ? `Arrived at ${formatTime(newest.at)}. Its signature is right.`
        : `Arrived at ${formatTime(newest.at)}. Its signature is ${newest.signature}.`,
    );
    setText(headers, Object.entries(newest.headers).map(([name, value]) => `${name}: ${value}`).join('\n'));
    setText(body, indentJson(newest.body));
    verify.setCaught(requestOf(newest));
    if (!done.has('test')) finish('test');
  }

  const soon = onFrame(render);
  const stops = [
    store.on(['alerts'], soon),
    store.on(['deliveries'], () => {
      const delivery = tested === null ? undefined : store.delivery(tested);
      if (delivery === undefined || delivery.status === 'pending' || delivery.status === 'delivering') return;
      tested = null;
      if (delivery.status !== 'delivered') setText(said, `The test ended as ${delivery.status}: ${delivery.reason ?? ''}`);
      else void watch().catch((failed) => error.set(messageOf(failed)));
    }),
  ];
  render();
  return {
    element,
    destroy() {
      ended = true;
      stops.forEach((stop) => stop());
    },
  };
}
