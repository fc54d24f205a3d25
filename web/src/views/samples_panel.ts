// Programs that verify a webhook, with the user's own secret filled in.
import type { Context } from '../context.ts';
import { copyButton } from '../copy.ts';
import { h, setText, show } from '../dom.ts';
import { field } from '../field.ts';
import { languages, runWith, sampleOf, type CaughtRequest, type Language } from '../samples.ts';
import { segmented } from './filters.ts';

const placeholder = 'whsec_…';

export interface SamplesPanel {
  element: HTMLElement;
  setCaught(caught: CaughtRequest): void;
}

export function samples(context: Context, first: CaughtRequest | null, onCopy = () => {}): SamplesPanel {
  const { session } = context;
  let caught = first;
  const code = h('pre', { tabindex: '0', 'aria-label': 'Program', 'data-testid': 'sample' });
  const how = h('p', { class: 'hint' });
  const tabs = segmented<Language>(
    'Language',
    languages.map((each) => [each, each === 'curl' ? 'curl + openssl' : each]),
    'curl',
    () => render(),
  );
  const text = (): string => sampleOf(tabs.value(), session.webhookSecret ?? placeholder, caught);
  const copy = copyButton('Copy', text, { of: 'program', shown: code });
  copy.addEventListener('click', onCopy);
  const secret = field(
    'Your webhook secret',
    h('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', maxlength: '200', placeholder }),
    'It is shown when it is made: at sign-up, and by “Rotate webhook secret” in Account. It stays in this tab.',
  );
  secret.input.addEventListener('input', () => {
    const value = secret.input.value.trim();
    session.webhookSecret = /^whsec_[A-Za-z0-9+/=]+$/.test(value) ? value : null;
    secret.setError(value === '' || session.webhookSecret !== null ? '' : 'A secret begins with whsec_.');
    render();
  });
  // Known from the sign-up: nothing needs to be pasted.
  show(secret.element, session.webhookSecret === null);

  function render(): void {
    setText(code, text());
    setText(how, runWith[tabs.value()]);
  }
  render();
  return {
    element: h(
      'div',
      { class: 'samples' },
      secret.element,
      h('div', { class: 'samples-head' }, tabs.element, copy),
      how,
      code,
      h(
        'p',
        { class: 'hint' },
        'Webhooks follow ',
        h('a', { href: 'https://www.standardwebhooks.com', rel: 'noreferrer' }, 'Standard Webhooks'),
        ', so its libraries verify them too. ',
        h('a', { href: '/docs' }, 'API reference'),
      ),
    ),
    setCaught(request) {
      caught = request;
      render();
    },
  };
}
