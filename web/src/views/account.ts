// The account: keys and secrets, webhook endpoints, notifications, deletion.
import { messageOf } from '../api.ts';
import type { Context, View } from '../context.ts';
import { h, KeyedList, setAttribute, setText, show, timeElement, whileBusy, type Row } from '../dom.ts';
import { errorRegion } from '../field.ts';
import { formatMoment, formatTime, shortUrl } from '../format.ts';
import { toast } from '../toast.ts';
import type { Endpoint, NewKeys, User, WebhookKey } from '../types.ts';
import { confirmDialog, keysDialog } from './dialog.ts';
import { notifySection } from './notify_button.ts';
import { settingsSection } from './settings_section.ts';

export function accountView(context: Context): View {
  const { api, session, store, notifier } = context;

  const email = h('span', null, '…');
  const since = timeElement();
  const accountError = errorRegion();
  const remember = h('input', { type: 'checkbox' });
  remember.checked = session.remembered;
  remember.addEventListener('change', () => session.keep(remember.checked));
  const replace = h('button', { type: 'button' }, 'Replace API key');
  replace.addEventListener('click', () => void whileBusy(replace, () => replaceKey()));

  const scheme = h('dd', null, '…');
  const previous = h('p', { class: 'hint' });
  const publicKey = h('dd', { class: 'breakable' });
  const publicKeyName = h('dt', null, 'Public key');
  const rotate = h('button', { type: 'button' }, 'Rotate webhook secret');
  rotate.addEventListener('click', () => void whileBusy(rotate, () => rotateSecret()));
  const secretError = errorRegion();

  const endpointBody = h('ul', { class: 'endpoints' });
  const endpointList = new KeyedList<Endpoint>(
    endpointBody,
    (e) => e.webhook_url,
    (e) => endpointRow(e.webhook_url, enable),
  );
  const endpointEmpty = h('p', { class: 'hint' }, 'Loading…');
  const endpointError = errorRegion();

  const notifications = notifySection(notifier);
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
      ),
      notifications.element,
      display.element,
      h(
        'section',
        { class: 'panel', 'aria-label': 'Delete account' },
        h('h2', null, 'Delete account'),
        h(
          'p',
          null,
          'Deletes your alerts, cancels undelivered webhooks and revokes your API key at once.',
        ),
        h('div', { class: 'actions' }, remove),
      ),
      h(
        'section',
        { class: 'panel wide', 'aria-label': 'Endpoints' },
        h('h2', null, 'Endpoints'),
        h(
          'p',
          { class: 'hint' },
          'An endpoint that answers 410 Gone, or refuses 50 webhooks in a row, is disabled until you enable it again.',
        ),
        endpointError.element,
        endpointBody,
        endpointEmpty,
      ),
    ),
  );

  async function loadUser(): Promise<void> {
    try {
      const { body } = await api.get<User>('/api/v1/users/me');
      setText(email, body.email);
      since.set(formatMoment(body.created_at), body.created_at);
    } catch (error) {
      accountError.set(messageOf(error));
    }
  }

  async function loadKey(): Promise<void> {
    try {
      showKey((await api.get<WebhookKey>('/api/v1/users/me/webhook-secret')).body);
    } catch (error) {
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
        : `The previous secret is valid until ${formatTime(key.previous_valid_until)}.`,
    );
  }

  async function loadEndpoints(): Promise<void> {
    try {
      const { body } = await api.get<Endpoint[]>('/api/v1/endpoints');
      endpointList.show(body);
      show(endpointEmpty, body.length === 0);
      setText(endpointEmpty, 'None yet: the webhook URLs of your alerts appear here.');
    } catch (error) {
      endpointError.set(messageOf(error));
    }
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
      await keysDialog(await api.post<NewKeys>('/api/v1/users/me/webhook-secret'));
      await loadKey();
    } catch (error) {
      secretError.set(messageOf(error));
    }
  }

  async function enable(url: string): Promise<void> {
    endpointError.set('');
    try {
      await api.post('/api/v1/endpoints/enable', JSON.stringify({ webhook_url: url }));
      toast(`${shortUrl(url)} is enabled again.`, 'good');
      await Promise.all([loadEndpoints(), store.loadAlerts()]);
    } catch (error) {
      endpointError.set(messageOf(error));
    }
  }

  async function deleteAccount(): Promise<void> {
    const sure = await confirmDialog('Delete your account?', 'This cannot be undone.', 'Delete it', true);
    if (!sure) return;
    try {
      await api.delete('/api/v1/users/me');
      context.signOut('Your account has been deleted.');
    } catch (error) {
      accountError.set(messageOf(error));
    }
  }

  show(publicKey, false);
  show(publicKeyName, false);
  void loadUser();
  void loadKey();
  void loadEndpoints();
  return {
    element,
    destroy() {
      notifications.stop();
      display.stop();
    },
  };
}

const breakerWords = { closed: 'OK', half_open: 'Retrying', open: 'Paused' } as const;

function endpointRow(url: string, enable: (url: string) => Promise<void>): Row<Endpoint> {
  const state = h('span', { class: 'badge' });
  const reason = h('div', { class: 'muted small' });
  const button = h('button', { type: 'button', 'aria-label': `Enable ${shortUrl(url)}` }, 'Enable');
  button.addEventListener('click', () => void whileBusy(button, () => enable(url)));
  const element = h(
    'li',
    { 'data-testid': 'endpoint-row' },
    h('div', { class: 'endpoint-name' }, h('span', { class: 'url', title: url }, shortUrl(url)), reason),
    state,
    button,
  );
  return {
    element,
    update(endpoint) {
      const disabled = endpoint.disabled_at !== null;
      const { breaker } = endpoint;
      setText(state, disabled ? 'Disabled' : breakerWords[breaker.state]);
      setAttribute(state, 'data-state', disabled ? 'failed' : breaker.state === 'closed' ? 'ok' : 'degraded');
      const pause = breaker.retry_at === null ? '' : `Paused until ${formatTime(breaker.retry_at)}. `;
      setText(
        reason,
        disabled ? (endpoint.reason ?? 'It answered 410 Gone.') : pause + (breaker.reason ?? ''),
      );
      show(button, disabled);
    },
  };
}
