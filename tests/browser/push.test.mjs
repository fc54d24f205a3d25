// Notifications while the page is closed.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { axe_findings, screens, stage } from './support/browser.mjs';
import { alert_row, go, is_signed_out, live, open, overflows, says, sign_in } from './support/page.mjs';
import { PushService, deliver_until, has_shown, shown_notifications } from './support/push_service.mjs';
import { until } from './support/until.mjs';

const { visit } = stage({}, (deployment) => deployment.market.hold());
let service;
before(async () => (service = await PushService.start()));
after(() => service?.stop());

const devices = (page) => page.getByRole('list', { name: 'Devices' }).getByRole('listitem');
const switch_of = (page) => page.getByLabel('Notify this device while the page is closed');
const listed = async (deployment, user) =>
  (await deployment.expect(200, 'GET', '/push', { key: user.api_key })).subscriptions;

async function subscribe(page, deployment, options) {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key, options);
  await go(page, 'Account');
  await switch_of(page).check();
  await says(devices(page).locator('strong'), /\(this device\)$/);
  return user;
}

const message_of = (id) =>
  until('the push', async () => (await service.messages()).find((message) => message.alert_id === id));

for (const screen of Object.keys(screens)) {
  visit(`a firing rings with the page closed (${screen})`, { screen }, async ({ visitor, page, deployment }) => {
    await service.serve(visitor);
    const user = await subscribe(page, deployment);
    assert.ok(await switch_of(page).isChecked());
    assert.ok(!(await overflows(page)));
    assert.deepEqual(await axe_findings(page), []);
    // Elsewhere, so that the page shows none of its own.
    await page.goto('/docs');
    const alert = await deployment.alert(user, { condition: 'gt', target_price: 64000, note: 'Sell half.' });
    const message = await message_of(alert.id);
    await page.goto('/');
    await live(page);
    const shown = await deliver_until(page, message, 'the notification', async () =>
      (await shown_notifications(page)).find(({ tag }) => tag === `${alert.id} 1`),
    );
    assert.equal(shown.title, 'BTC above 64,000');
    assert.match(shown.body, /^The price is 65,000\. Sell half\.$/);
    // Where a press on it leads.
    await page.evaluate((hash) => (location.hash = hash), shown.data);
    await alert_row(page, alert.id).waitFor();
  });
}

visit('the page and a push show one firing once', {}, async ({ visitor, page, deployment }) => {
  await service.serve(visitor);
  const user = await subscribe(page, deployment);
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 64000 });
  const about = async () => (await shown_notifications(page)).filter(({ tag }) => tag.startsWith(alert.id));
  await until('the notification of the page', () => has_shown(page, alert.id));
  assert.equal((await about()).length, 1);
  const pushed = { ...(await message_of(alert.id)), body: 'Pushed.' };
  await deliver_until(
    page,
    pushed,
    'the pushed one in its place',
    async () => (await about())[0]?.body === 'Pushed.',
  );
  assert.equal((await about()).length, 1);
});

visit('a push that cannot be read is shown all the same', {}, async ({ visitor, page, deployment }) => {
  await service.serve(visitor);
  await subscribe(page, deployment);
  await deliver_until(page, 'not JSON', 'the notification', async () =>
    (await shown_notifications(page)).some(({ title }) => title === 'Pricewire'),
  );
});

visit(
  'a test goes to its device, and a removed device is notified no more',
  {},
  async ({ visitor, page, deployment }) => {
    await service.serve(visitor);
    const user = await subscribe(page, deployment);
    const [device] = await listed(deployment, user);
    await page.getByRole('button', { name: /^Send a test/ }).click();
    await until('the test', async () =>
      (await service.messages()).some(({ test, alert_id }) => test && alert_id === device.id),
    );
    await page.getByRole('button', { name: /^Remove/ }).click();
    await until('the list to be empty', async () => (await devices(page).count()) === 0);
    assert.ok(!(await switch_of(page).isChecked()));
    assert.deepEqual(await listed(deployment, user), []);
  },
);

visit('signing out ends the notifications of this device', {}, async ({ visitor, page, deployment }) => {
  await service.serve(visitor);
  const user = await subscribe(page, deployment, { remember: true });
  assert.equal((await listed(deployment, user)).length, 1);
  await page.reload();
  await live(page);
  await until('it to be on', () => switch_of(page).isChecked());
  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await is_signed_out(page);
  await until('no device', async () => (await listed(deployment, user)).length === 0);
});

visit(
  'a subscription that the browser has replaced is told to the server',
  {},
  async ({ visitor, page, deployment }) => {
    await service.serve(visitor);
    const user = await subscribe(page, deployment, { remember: true });
    const [before] = await listed(deployment, user);
    await page.evaluate(() => localStorage.removeItem('test.push'));
    await page.reload();
    await live(page);
    await until('the new one alone', async () => {
      const all = await listed(deployment, user);
      return all.length === 1 && all[0].id !== before.id;
    });
  },
);

visit('a device that is gone is shown as off', {}, async ({ visitor, page, deployment }) => {
  await service.serve(visitor);
  const user = await subscribe(page, deployment);
  await service.end(page);
  await deployment.alert(user, { condition: 'gt', target_price: 64000 });
  await until('no device', async () => (await listed(deployment, user)).length === 0);
  await go(page, 'Market');
  await go(page, 'Account');
  await until('the switch', () => switch_of(page).isEnabled());
  assert.ok(!(await switch_of(page).isChecked()));
  assert.equal(await devices(page).count(), 0);
});
