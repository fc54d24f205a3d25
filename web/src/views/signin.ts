// Sign-up, which returns a key, and sign-in with a key.
import type { Api } from '../api.ts';
import { ApiError } from '../api.ts';
import { h, whileBusy } from '../dom.ts';
import { errorRegion, field, showErrors } from '../field.ts';
import type { NewKeys, User } from '../types.ts';
import { keysPanel } from './keys.ts';

/** What is known of an account that was just made. */
export interface NewAccount {
  secret: string | null; // its webhook secret, which was shown once
  kept: boolean; // whether the key was copied or downloaded
}

export interface SignIn {
  element: HTMLElement;
}

/** What is wrong; other messages only say what has happened. */
export const keyNotValid = 'Your API key is no longer valid. Sign in with the new one.';

function told(message: string): HTMLElement {
  const isWrong = message === keyNotValid;
  return h('p', isWrong ? { class: 'error', role: 'alert' } : { class: 'notice', role: 'status' }, message);
}

export function signInView(
  api: Api,
  message: string,
  onSignedIn: (key: string, remember: boolean, made?: NewAccount) => void,
): SignIn {
  const main = h('main', { id: 'main', class: 'welcome' });
  const signUp = signUpForm();
  main.append(
    h('h1', { tabindex: '-1' }, 'Pricewire'),
    h(
      'p',
      { class: 'lead' },
      'Watch crypto prices live, draw an alert on the chart, and get a signed webhook when it fires.',
    ),
    ...(message === '' ? [] : [told(message)]),
    h('div', { class: 'welcome-forms' }, signUp, signInForm()),
    h(
      'p',
      { class: 'muted welcome-links' },
      h('a', { href: '/docs' }, 'API reference'),
      ' · ',
      h('a', { href: '/openapi.json' }, 'OpenAPI'),
      ' · ',
      h('a', { href: '/health' }, 'Health'),
    ),
  );

  // If the answer does not come, registering will say whether it is closed.
  void api
    .getOpen<{ registration: string }>('/api/v1/users/registration')
    .then(({ registration }) => registration === 'closed' && closeSignUp())
    .catch(() => {});

  function closeSignUp(): void {
    signUp.replaceWith(
      h(
        'section',
        { class: 'panel', 'aria-label': 'Sign up', 'data-testid': 'registration-closed' },
        h('h2', null, 'Registration is closed'),
        h(
          'p',
          { class: 'hint' },
          'Whoever runs this server can create an account for you. Sign in with the API key you are given.',
        ),
      ),
    );
  }

  function signUpForm(): HTMLElement {
    const email = field(
      'E-mail',
      h('input', {
        type: 'email',
        name: 'email',
        autocomplete: 'email',
        required: true,
        maxlength: '254',
        placeholder: 'you@example.com',
      }),
    );
    const error = errorRegion();
    const button = h('button', { type: 'submit', class: 'primary' }, 'Create account');
    const form = h(
      'form',
      { class: 'panel', 'aria-label': 'Sign up', novalidate: true },
      h('h2', null, 'Sign up'),
      h('p', { class: 'hint' }, 'You get an API key and a secret that signs your webhooks. No password.'),
      email.element,
      error.element,
      button,
    );
    const submit = async (): Promise<void> => {
      error.set('');
      const address = email.input.value.trim();
      if (address === '') {
        email.setError('Enter your e-mail address.');
        return email.input.focus();
      }
      try {
        const keys = await api.postOpen<NewKeys>(
          '/api/v1/users/register',
          JSON.stringify({ email: address }),
        );
        const panel = keysPanel(
          keys,
          (remember, kept) =>
            onSignedIn(keys.api_key!, remember, { secret: keys.webhook_secret ?? null, kept }),
          address,
        );
        main.replaceChildren(h('h1', { class: 'visually-hidden' }, 'Pricewire'), panel);
        panel.querySelector<HTMLElement>('h2')?.focus();
      } catch (problem) {
        showErrors(problem, { email }, error);
      }
    };
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      void whileBusy(button, submit);
    });
    return form;
  }

  function signInForm(): HTMLElement {
    const key = field(
      'API key',
      h('input', {
        type: 'password',
        name: 'api_key',
        autocomplete: 'current-password',
        required: true,
        spellcheck: 'false',
        maxlength: '200',
        placeholder: 'sk_live_…',
      }),
    );
    // By it password managers know which key to fill in.
    const name = h('input', {
      type: 'email',
      name: 'username',
      autocomplete: 'username',
      class: 'visually-hidden',
      tabindex: '-1',
      'aria-hidden': 'true',
    });
    const remember = h('input', { type: 'checkbox', name: 'remember' });
    const error = errorRegion();
    const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
    const form = h(
      'form',
      { class: 'panel', 'aria-label': 'Sign in', novalidate: true },
      h('h2', null, 'Sign in'),
      h('p', { class: 'hint' }, 'Use the key you received when you signed up.'),
      name,
      key.element,
      h('label', { class: 'check' }, remember, 'Remember me on this device'),
      error.element,
      button,
      h(
        'details',
        { class: 'lost-key' },
        h('summary', null, 'Lost your key?'),
        h(
          'p',
          { class: 'hint' },
          'A key cannot be shown again, but the operator of this server can make a new one for your e-mail address, with ',
          h('code', null, 'pricewire users reset-key EMAIL'),
          '. Your alerts stay; the old key stops working at once.',
        ),
      ),
    );
    const submit = async (): Promise<void> => {
      error.set('');
      const value = key.input.value.trim();
      if (value === '') {
        key.setError('Paste your API key.');
        return key.input.focus();
      }
      try {
        // Only visible ASCII can be sent in a header.
        if (!/^[\x21-\x7e]+$/.test(value))
          throw new ApiError(401, 'This is not an API key. Keys start with sk_live_.');
        await api.getAs<User>(value, '/api/v1/users/me');
        onSignedIn(value, remember.checked);
      } catch (problem) {
        showErrors(problem, {}, error);
        key.input.focus();
      }
    };
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      void whileBusy(button, submit);
    });
    return form;
  }

  return { element: main };
}
