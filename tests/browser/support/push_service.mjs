// The push service of tests/contract as a program, and a browser whose subscriptions are there: Chromium can subscribe only
// at Google's.
import { join } from 'node:path';

import { Program, root } from './programs.mjs';
import { pause, until } from './until.mjs';

export class PushService {
  static async start() {
    const service = new PushService();
    // Its packages are those of this folder.
    service.program = new Program('push-service', [join(root, 'tests/contract/push_service.mjs')], {
      command: process.execPath,
      cwd: join(root, 'tests/browser'),
    });
    service.url = await service.program.address();
    return service;
  }

  stop() {
    return this.program.stop();
  }

  async call(method, path, body) {
    const answer = await fetch(`${this.url}/_push/${path}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`push service ${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  }

  // The messages that it has taken and decrypted, oldest first.
  async messages() {
    const lines = (await this.call('GET', 'requests')).split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line)).flatMap(({ status, message }) => (status < 300 ? [message] : []));
  }

  // Lets a visitor's browser subscribe here, before its first page.
  async serve(visitor) {
    const subscribe = async (key) =>
      JSON.parse(await this.call('POST', 'subscriptions', { applicationServerKey: key }));
    await visitor.context.exposeFunction('__subscribe', subscribe);
    await visitor.context.addInitScript(replace_push_manager);
    await visitor.context.addInitScript(note_what_is_shown);
    await visitor.context.grantPermissions(['notifications']);
  }

  // As when the subscription of the visitor's browser has ended.
  async end(page) {
    const endpoint = await page.evaluate(() => JSON.parse(localStorage.getItem('test.push')).endpoint);
    await this.call('DELETE', `subscriptions/${endpoint.split('/').pop()}`);
  }
}

function replace_push_manager() {
  const bytes = (key) =>
    Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
  const kept = () => {
    const { key, endpoint, keys } = JSON.parse(localStorage.getItem('test.push') ?? '{}');
    if (endpoint === undefined) return null;
    return {
      endpoint,
      options: { applicationServerKey: bytes(key) },
      toJSON: () => ({ endpoint, expirationTime: null, keys }),
      unsubscribe: async () => {
        localStorage.removeItem('test.push');
        return true;
      },
    };
  };
  PushManager.prototype.getSubscription = async () => kept();
  PushManager.prototype.subscribe = async ({ applicationServerKey: key }) => {
    if (kept() === null) localStorage.setItem('test.push', JSON.stringify({ key, ...(await window.__subscribe(key)) }));
    return kept();
  };
}

// Hands a message to the page's service worker as the browser does when one is pushed.
async function deliver(page, message) {
  const devtools = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) =>
    devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [one] = registrations.filter(({ isDeleted }) => !isDeleted);
      if (one !== undefined) resolve(one.registrationId);
    }),
  );
  await devtools.send('ServiceWorker.enable');
  await devtools.send('ServiceWorker.deliverPushMessage', {
    origin: new URL(page.url()).origin,
    registrationId: await registered,
    data: typeof message === 'string' ? message : JSON.stringify(message),
  });
  await devtools.detach();
}

// Delivers it until `shown` returns something, which is returned: DevTools drop a message now and then.
export const deliver_until = (page, message, what, shown) =>
  until(what, async () => {
    await deliver(page, message);
    for (let tries = 0; tries < 20; ++tries) {
      const found = await shown();
      if (found) return found;
      await pause(100);
    }
    return undefined;
  });

function note_what_is_shown() {
  window.__shown = [];
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await show.call(this, title, options);
    window.__shown.push(options.tag);
  };
}

// Whether the page itself, through its service worker, has shown a notification whose tag begins so.
export const has_shown = (page, tag) =>
  page.evaluate((begin) => window.__shown.some((shown) => shown.startsWith(begin)), tag);

// Not to be asked while the page shows one: Chromium drops a notification that it has stored and not yet shown.
export const shown_notifications = (page) =>
  page.evaluate(async () =>
    (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag, data }) => ({
      title,
      body,
      tag,
      data,
    })),
  );
