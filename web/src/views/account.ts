// The account: keys and secrets, notifications, deletion.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import { h, setText, show, timeElement, whileBusy } from '../dom.ts';
import { errorRegion } from '../field.ts';
import { formatMoment } from '../format.ts';
import type { NewKeys, User, WebhookKey } from '../types.ts';
import { confirmDialog, keysDialog } from './dialog.ts';
import { notifySection } from './notify_button.ts';
import { settingsSection } from './settings_section.ts';

export function accountView(context: Context): View {
  const { api, session, store } = context;

  const email = h('span', null, 'Loading…');
  let address: string | null = null;
  const since = timeElement();
  const accountError = errorRegion();
  // What cannot be loaded is asked for again: by this button, and when the server is back.
  let failed = false;
  const retry = h('button', { type: 'button' }, 'Try again');
  retry.addEventListener('click', () => void whileBusy(retry, load));
  const remember = h('input', { type: 'checkbox' });
  remember.checked = session.remembered;
  remember.addEventListener('change', () => session.keep(remember.checked));
  const replace = h('button', { type: 'button' }, 'Replace API key');
  replace.addEventListener('click', () => void whileBusy(replace, () => replaceKey()));

  const scheme = h('dd', null, 'Loading…');
  const previous = h('p', { class: 'hint' });
  const publicKey = h('dd', { class: 'breakable' });
  const publicKeyName = h('dt', null, 'Public key');
  const rotate = h('button', { type: 'button' }, 'Rotate webhook secret');
  rotate.addEventListener('click', () => void whileBusy(rotate, () => rotateSecret()));
  const secretError = errorRegion();
  let isKeyKnown = false;

  const notifications = notifySection(context);
  const display = settingsSection();
  const remove = h('button', { type: 'button', class: 'danger' }, 'Delete account');
  remove.addEventListener('click', () => void whileBusy(remove, () => deleteAccount()));

  const element = h(
    'div',
    { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'Account')),
    h(
      'div',
      { class: 'account-grid' },
      h(
        'section',
        { class: 'panel', 'aria-label': 'Profile' },
        h('h2', null, 'Profile'),
        h(
          'dl',
          { class: 'facts' },
          h('dt', null, 'E-mail'),
          h('dd', null, email),
          h('dt', null, 'Registered'),
          h('dd', null, since.element),
        ),
        accountError.element,
        retry,
        h('label', { class: 'check' }, remember, 'Keep me signed in on this device'),
        h(
          'div',
          { class: 'actions' },
          replace,
          h('button', { type: 'button', onclick: () => context.signOut() }, 'Sign out'),
        ),
        h('p', { class: 'hint' }, 'A new key is shown only once; the old one stops working at once.'),
      ),
      h(
        'section',
        { class: 'panel', 'aria-label': 'Webhook signing' },
        h('h2', null, 'Webhook signing'),
        h('dl', { class: 'facts' }, h('dt', null, 'Scheme'), scheme, publicKeyName, publicKey),
        previous,
        secretError.element,
        h('div', { class: 'actions' }, rotate),
        h(
          'p',
          { class: 'hint' },
          'A secret is shown only when it is created. For 24 hours after a rotation, webhooks carry both signatures.',
        ),
        h(
          'p',
          { class: 'links' },
          h('a', { href: '#/start' }, 'Receivers that verify it'),
          h('a', { href: '#/endpoints' }, 'Endpoints'),
          h('a', { href: '/docs' }, 'API reference'),
        ),
      ),
      notifications.element,
      display.element,
      h(
        'section',
        { class: 'panel', 'aria-label': 'Delete account' },
        h('h2', null, 'Delete account'),
        h('p', null, 'Deletes your alerts, cancels undelivered webhooks and revokes your API key at once.'),
        h('div', { class: 'actions' }, remove),
      ),
    ),
  );

  async function load(): Promise<void> {
    failed = false;
    await Promise.all([loadUser(), loadKey()]);
    show(retry, failed);
  }

  async function loadUser(): Promise<void> {
    try {
      const { body } = await api.get<User>('/api/v1/users/me');
      address = body.email;
      setText(email, body.email);
      since.set(formatMoment(body.created_at), body.created_at);
      accountError.set('');
    } catch (error) {
      failed = true;
      if (address === null) setText(email, 'Not known');
      accountError.set(messageOf(error));
    }
  }

  async function loadKey(): Promise<void> {
    try {
      showKey((await api.get<WebhookKey>('/api/v1/users/me/webhook-secret')).body);
      isKeyKnown = true;
      secretError.set('');
    } catch (error) {
      failed = true;
      if (!isKeyKnown) setText(scheme, 'Not known');
      secretError.set(messageOf(error));
    }
  }

  function showKey(key: WebhookKey): void {
    setText(scheme, key.scheme === 'v1' ? 'v1, HMAC-SHA256' : 'v1a, Ed25519');
    setText(publicKey, key.webhook_public_key ?? '');
    show(publicKey, key.webhook_public_key !== undefined);
    show(publicKeyName, key.webhook_public_key !== undefined);
    setText(
      previous,
      key.previous_valid_until === null
        ? ''
        : `The previous secret is valid until ${formatMoment(key.previous_valid_until)}.`,
    );
  }

  async function replaceKey(): Promise<void> {
    const sure = await confirmDialog(
      'Replace the API key?',
      'Programs that use the current key will stop working.',
      'Replace it',
    );
    if (!sure) return;
    accountError.set('');
    // Another tab may remove the current key before the answer with the new one arrives.
    const { remembered } = session;
    try {
      const keys = await context.withoutStream(async () => {
        const made = await api.post<NewKeys>('/api/v1/users/me/api-key');
        session.signIn(made.api_key!, remembered);
        return made;
      });
      await keysDialog(keys);
    } catch (error) {
      accountError.set(messageOf(error));
    }
  }

  async function rotateSecret(): Promise<void> {
    const sure = await confirmDialog(
      'Rotate the webhook secret?',
      'The new secret is shown only once. The current one stays valid for 24 hours; any earlier one stops working now.',
      'Rotate it',
    );
    if (!sure) return;
    secretError.set('');
    try {
      const made = await api.post<NewKeys>('/api/v1/users/me/webhook-secret');
      if (made.webhook_secret !== undefined) session.webhookSecret = made.webhook_secret;
      await keysDialog(made);
      await loadKey();
    } catch (error) {
      secretError.set(messageOf(error));
    }
  }

  async function deleteAccount(): Promise<void> {
    if (address === null) await loadUser();
    if (address === null) return;
    const sure = await confirmDialog(
      'Delete your account?',
      'Your alerts, deliveries and keys are deleted, and nothing more is sent. This cannot be undone.',
      'Delete account',
      true,
      { label: `Type ${address} to confirm`, text: address },
    );
    if (!sure) return;
    try {
      // The server ends the stream first, which would be told as an invalid key.
      await context.withoutStream(async () => {
        await api.delete('/api/v1/users/me');
        context.signOut('Your account has been deleted.');
      });
    } catch (error) {
      accountError.set(messageOf(error));
    }
  }

  show(publicKey, false);
  show(publicKeyName, false);
  show(retry, false);
  void load();
  const stops = [
    notifications.stop,
    display.stop,
    store.on(['connection'], () => {
      if (store.connection.live && failed) void load();
    }),
  ];
  return { element, destroy: () => stops.forEach((stop) => stop()) };
}
