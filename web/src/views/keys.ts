// Secrets that are shown only once, and the ways to keep them: copied, downloaded, or in the browser's password manager.
import type { Context } from '../context.ts';
import { copyButton } from '../copy.ts';
import { h, setText, show } from '../dom.ts';
import { formatTime } from '../format.ts';
import type { NewKeys } from '../types.ts';

function secretRow(label: string, value: string, testId: string, onCopy = () => {}): HTMLElement {
  const code = h('code', { 'data-testid': testId, tabindex: '0' }, value);
  const button = copyButton('Copy', () => value, { of: label.replace(/^W/, 'w'), shown: code });
  button.addEventListener('click', onCopy);
  return h(
    'div',
    { class: 'secret' },
    h('div', { class: 'secret-label' }, label),
    h('div', { class: 'secret-value' }, code, button),
  );
}

const secretLabels = [
  ['api_key', 'API key', 'api-key', 'PRICEWIRE_API_KEY'],
  ['webhook_secret', 'Webhook secret', 'webhook-secret', 'PRICEWIRE_WEBHOOK_SECRET'],
  ['webhook_public_key', 'Webhook public key', 'webhook-public-key', 'PRICEWIRE_WEBHOOK_PUBLIC_KEY'],
] as const;

/** As a .env file: each with the name that the samples read. */
function envFile(keys: NewKeys): string {
  const lines = secretLabels.flatMap(([name, , , variable]) =>
    keys[name] === undefined ? [] : [`${variable}=${keys[name]}`],
  );
  return `# Pricewire at ${location.host}, ${new Date().toISOString().slice(0, 10)}\n${lines.join('\n')}\n`;
}

function downloadButton(keys: NewKeys, onSaved: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button' }, 'Download .env');
  button.addEventListener('click', () => {
    const url = URL.createObjectURL(new Blob([envFile(keys)], { type: 'text/plain' }));
    const link = h('a', { href: url, download: 'pricewire.env' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    onSaved();
  });
  return button;
}

/**
 * The panel after a registration, or for a new key or secret. With an e-mail it is a form as password managers know it,
 * and asks whether to stay signed in.
 */
export function keysPanel(
  keys: NewKeys,
  onSaved: (remember: boolean, kept: boolean) => void,
  email: string | null = null,
): HTMLElement {
  const shown = secretLabels.filter(([name]) => keys[name] !== undefined);
  const one = shown.length === 1;
  const title = one ? `Your new ${shown[0]![1].replace(/^W/, 'w')}` : 'Your keys';
  const remember = h('input', { type: 'checkbox', name: 'remember' });
  remember.checked = true;
  // Whether the key was copied or downloaded: pressing the last button proves nothing.
  let kept = false;
  const keep = (): void => {
    kept = true;
  };
  const copyAll = copyButton('Copy all', () => envFile(keys), { of: 'keys' });
  copyAll.addEventListener('click', keep);
  const panel = h(
    'form',
    { class: 'panel keys', 'aria-label': title },
    h('h2', { tabindex: '-1' }, title),
    h(
      'p',
      null,
      one
        ? 'It is shown only once. Store it like a password: it cannot be shown again.'
        : 'They are shown only once. Store them like passwords: they cannot be shown again.',
    ),
    ...shown.map(([name, label, testId]) =>
      secretRow(label, keys[name]!, testId, name === 'api_key' ? keep : undefined),
    ),
    h('div', { class: 'actions' }, one ? null : copyAll, downloadButton(keys, keep)),
    keys.previous_valid_until === undefined
      ? null
      : h(
          'p',
          { class: 'hint' },
          `The previous secret is valid until ${formatTime(keys.previous_valid_until)}.`,
        ),
    keys.webhook_secret === undefined && keys.webhook_public_key === undefined
      ? null
      : h(
          'p',
          { class: 'hint' },
          'The secret signs your webhooks as ',
          h('a', { href: 'https://www.standardwebhooks.com', rel: 'noreferrer' }, 'Standard Webhooks'),
          ' says; First steps has a receiver to copy.',
        ),
    ...(email === null ? [] : forPasswordManagers(email, keys.api_key ?? '')),
    email === null ? null : h('label', { class: 'check' }, remember, 'Keep me signed in on this device'),
    h('button', { type: 'submit', class: 'primary' }, one ? 'I have saved it' : 'I have saved them'),
  );
  panel.addEventListener('submit', (e) => {
    e.preventDefault();
    onSaved(remember.checked, kept);
  });
  return panel;
}

/** What a password manager offers to save when the form is submitted. */
function forPasswordManagers(email: string, key: string): HTMLElement[] {
  const unseen = { class: 'visually-hidden', tabindex: '-1', 'aria-hidden': 'true', readonly: true };
  const name = h('input', { ...unseen, type: 'email', name: 'username', autocomplete: 'username' });
  const password = h('input', {
    ...unseen,
    type: 'password',
    name: 'password',
    autocomplete: 'new-password',
  });
  name.value = email;
  password.value = key;
  return [name, password];
}

/** The first of the first steps: what can still be done for the key while this tab knows it. */
export function keepKeys(context: Context, onSaved: () => void): HTMLElement {
  const { session } = context;
  const keys = (): NewKeys => ({
    ...(session.apiKey === null ? {} : { api_key: session.apiKey }),
    ...(session.webhookSecret === null ? {} : { webhook_secret: session.webhookSecret }),
  });
  const copy = copyButton('Copy API key', () => session.apiKey ?? '');
  copy.addEventListener('click', onSaved);
  const both = copyButton('Copy both', () => envFile(keys()), { of: 'key and secret' });
  both.addEventListener('click', onSaved);
  show(both, session.webhookSecret !== null);
  const remember = h('input', { type: 'checkbox' });
  remember.checked = session.remembered;
  const told = h('p', { class: 'hint' });
  const render = (): void =>
    setText(
      told,
      remember.checked
        ? 'This device stays signed in until you sign out.'
        : 'When this tab is closed you are signed out, and need the key to come back.',
    );
  remember.addEventListener('change', () => {
    session.keep(remember.checked);
    render();
  });
  render();
  return h(
    'div',
    { class: 'step-keys' },
    h(
      'p',
      null,
      'Whoever has the key can do everything here. If you lose it, only the operator of this server can make a new one.',
    ),
    h('div', { class: 'actions' }, copy, both, downloadButton(keys(), onSaved)),
    h('label', { class: 'check' }, remember, 'Keep me signed in on this device'),
    told,
  );
}
