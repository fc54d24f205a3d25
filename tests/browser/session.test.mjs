// Who is signed in and for how long, and how mistakes are reported.
import assert from 'node:assert/strict';

import { Visitor, stage } from './support/browser.mjs';
import { go, is_signed_out, live, open, open_form, says, sign_in, views } from './support/page.mjs';
import { until } from './support/until.mjs';

const { here, visit } = stage({}, (deployment) => deployment.market.hold());

const kept = (page) =>
  page.evaluate(() => ({
    session: JSON.stringify({ ...sessionStorage }),
    device: JSON.stringify({ ...localStorage }),
  }));

visit('a key is kept only for the browser session', {}, async ({ visitor, page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  const { session, device } = await kept(page);
  assert.ok(session.includes(user.api_key));
  assert.ok(!device.includes(user.api_key));
  await page.reload();
  await live(page);
  // Another tab is another session.
  const other = await visitor.open_tab();
  await other.goto('/');
  await is_signed_out(other);
});

visit('"Remember me" keeps the key on the device, until signing out', {}, async ({ visitor, page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key, { remember: true });
  assert.ok((await kept(page)).device.includes(user.api_key));
  const later = await Visitor.arrive(here.browser, deployment, { state: await visitor.context.storageState() });
  try {
    await later.page.goto('/');
    await live(later.page);
    later.check();
  } finally {
    await later.leave();
  }
  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await is_signed_out(page);
  await page.reload();
  await is_signed_out(page);
});

visit('a key is never in a URL', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const addresses = [];
  page.on('request', (request) => addresses.push(request.url()));
  page.on('websocket', (socket) => addresses.push(socket.url()));
  page.on('framenavigated', (frame) => addresses.push(frame.url()));
  await open(page);
  await sign_in(page, user.api_key);
  for (const view of views) await go(page, view);
  assert.ok(addresses.length > 5);
  assert.deepEqual(
    addresses.filter((address) => address.includes(user.api_key)),
    [],
  );
});

visit('a wrong key is refused with a clear message', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of 401/, /WebSocket connection to/);
  await open(page);
  await page.getByLabel('API key').fill('sk_live_wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await says(page.getByRole('alert'), /[Ii]nvalid|not valid|wrong|unknown/);
  await is_signed_out(page);
  // The form is still there to correct it.
  const user = await deployment.register();
  await sign_in(page, user.api_key);
});

visit('replacing the key elsewhere ends the session', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of 401/, /WebSocket connection to/);
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await deployment.expect(200, 'POST', '/users/me/api-key', { key: user.api_key });
  await is_signed_out(page);
  await says(page.getByRole('alert'), /key/i);
});

visit('mistakes in sign-up are shown at the field', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of (400|422)/);
  const user = await deployment.register();
  await open(page);
  for (const [email, told] of [
    ['nobody', /e-?mail/i],
    [user.email, /already registered/i],
  ]) {
    await page.getByLabel('E-mail').fill(email);
    await page.getByRole('button', { name: 'Create account' }).click();
    await until(`the mistake in ${email}`, async () => told.test(await complaint(page, page.getByLabel('E-mail'))));
  }
});

// The messages about a field: its own, those that describe it, and alerts.
async function complaint(page, field) {
  return field.evaluate((element) => {
    const described = (element.getAttribute('aria-describedby') ?? '')
      .split(/\s+/)
      .filter(Boolean)
      .concat((element.getAttribute('aria-errormessage') ?? '').split(/\s+/).filter(Boolean));
    const texts = described.map((id) => document.getElementById(id)?.textContent ?? '');
    if (!element.validity.valid) texts.push(element.validationMessage);
    return [...texts, ...[...document.querySelectorAll('[role=alert]')].map((alert) => alert.textContent)].join(' ');
  });
}

visit(
  'an invalid webhook URL is reported at its field, and no input is lost',
  {},
  async ({ visitor, page, deployment }) => {
    visitor.allow(/status of 422/);
    const user = await deployment.register();
    await open(page);
    await sign_in(page, user.api_key);
    const { price, url, note, create } = await open_form(page);
    await price.fill('70000');
    await note.fill('kept');
    for (const [text, told] of [
      ['ftp://example.com/hook', /https:\/\//],
      ['https://10.0.0.1/hook', /10\.0\.0\.1|private|not allowed|forbidden/i],
      ['https://user:pass@example.com/', /user name or password/],
    ]) {
      await url.fill(text);
      await create.click();
      await until(`the mistake in ${text}`, async () => told.test(await complaint(page, url)));
      assert.equal(await price.inputValue(), '70000');
      assert.equal(await note.inputValue(), 'kept');
    }
    assert.deepEqual(await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key }), []);
    await url.fill(`${deployment.hooks}/hook`);
    await create.click();
    const [alert] = await until('the alert', async () => {
      const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
      return alerts.length && alerts;
    });
    assert.equal(alert.target_price, 70000);
  },
);

// Replaces the browser's Notification, and records requests and notifications.
function stub_notifications() {
  window.notified = [];
  window.asked = 0;
  window.Notification = class {
    static permission = 'default';
    static async requestPermission() {
      window.asked += 1;
      return (this.permission = 'granted');
    }
    constructor(title, options) {
      window.notified.push({ title, ...options });
    }
    addEventListener() {}
    close() {}
  };
}

visit(
  'a browser notification announces a fired alert, if the user enabled it',
  { before: [stub_notifications] },
  async ({ page, deployment }) => {
    const user = await deployment.register();
    const ask = page.getByRole('button', { name: /notif/i });
    await open(page);
    await sign_in(page, user.api_key);
    for (const view of views) {
      await go(page, view);
      if (await ask.count()) break;
    }
    assert.equal(await page.evaluate(() => window.asked), 0, 'no permission is requested on load');
    await ask.first().click();
    await until('the permission request', async () => (await page.evaluate(() => window.asked)) === 1);
    await deployment.alert(user, { condition: 'gt', target_price: 64000 });
    const told = await until('a notification', () => page.evaluate(() => window.notified[0]));
    assert.match(JSON.stringify(told), /BTC/);
    assert.match(JSON.stringify(told).replaceAll(/(\d)[, \u00a0\u202f](\d)/g, '$1$2'), /64000|65000/);
  },
);

visit('the API reference loads nothing from another host', {}, async ({ page }) => {
  await open(page);
  await page.getByRole('link', { name: 'API reference' }).click();
  await page.getByText('/api/v1/alerts', { exact: false }).first().waitFor();
  assert.match(page.url(), /\/docs/);
});
