// What users manage themselves: keys, the webhook secret, disabled endpoints, pending deliveries.
import assert from 'node:assert/strict';

import { axe_findings, stage } from './support/browser.mjs';
import {
  alert_row,
  by_id,
  delivery_rows,
  go,
  is_signed_out,
  live,
  open,
  open_delivery,
  sign_in,
} from './support/page.mjs';
import { until } from './support/until.mjs';

// A long wait between attempts: the delivery to be cancelled must still be pending.
const config = { PRICEWIRE_DELIVERY_FIRST_RETRIES: '1h' };
const { visit } = stage({ config }, (deployment) => deployment.market.hold());

// Presses a button and confirms the dialog.
async function press_surely(page, name, sure) {
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: sure, exact: true }).click();
}

visit('a replaced key is shown once, and the page continues with it', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Account');
  await press_surely(page, 'Replace API key', 'Replace it');
  const fresh = (await by_id(page, 'api-key').textContent()).trim();
  assert.match(fresh, /^sk_live_[A-Za-z0-9_-]{43}$/);
  assert.notEqual(fresh, user.api_key);
  await deployment.expect(401, 'GET', '/users/me', { key: user.api_key });
  await deployment.expect(200, 'GET', '/users/me', { key: fresh });
  assert.deepEqual(await axe_findings(page), []);
  await page.getByRole('button', { name: 'I have saved it' }).click();
  // A dialog is removed in its close event, which comes after the click.
  await until('the key to disappear', async () => !(await page.content()).includes(fresh));
  await page.reload();
  await live(page);
});

visit('a rotated webhook secret signs later webhooks', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Account');
  await press_surely(page, 'Rotate webhook secret', 'Rotate it');
  const fresh = (await by_id(page, 'webhook-secret').textContent()).trim();
  assert.match(fresh, /^whsec_/);
  assert.notEqual(fresh, user.webhook_secret);
  await page.getByRole('button', { name: 'I have saved it' }).click();
  await deployment.trust(fresh);
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 64000 });
  const [received] = await until('the webhook', async () => {
    const all = await deployment.received(alert.id);
    return all.length && all;
  });
  assert.equal(received.signature_ok, true);
});

visit('an endpoint that answered 410 is enabled again', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const webhook_url = `${deployment.hooks}/gone`;
  await deployment.receiver_post('mode', 'fail:410');
  await deployment.alert(user, { condition: 'gt', target_price: 64000, webhook_url });
  const disabled = async () =>
    (await deployment.expect(200, 'GET', '/endpoints', { key: user.api_key }))[0]?.disabled_at;
  await until('the endpoint to be disabled', disabled);
  await deployment.receiver_post('mode', 'ok');
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Endpoints');
  await page.getByRole('link', { name: /\/gone$/ }).click();
  await page.getByRole('button', { name: 'Enable', exact: true }).click();
  await until('the endpoint to be enabled', async () => !(await disabled()));
  await until('the button to disappear', async () => (await page.getByRole('button', { name: /enable/i }).count()) === 0);
});

visit('a pending delivery is cancelled', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  await deployment.receiver_post('mode', 'fail:500');
  await deployment.alert(user, { condition: 'gt', target_price: 64000 });
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Deliveries');
  const row = delivery_rows(page).first();
  await until('the delivery to be pending', async () => (await row.getAttribute('data-state')) === 'pending');
  await open_delivery(page, row);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await until('it to be cancelled', async () => (await row.getAttribute('data-state')) === 'cancelled');
  await deployment.receiver_post('mode', 'ok');
});

visit('an opened attempt stays open when another arrives', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  await deployment.alert(user, { condition: 'gt', target_price: 64000 });
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Deliveries');
  const row = delivery_rows(page).first();
  await until('the delivery to end', async () => (await row.getAttribute('data-state')) === 'delivered');
  await open_delivery(page, row);
  const details = page.locator('.attempts details');
  await details.locator('summary').click();
  await page.getByRole('button', { name: 'Send again' }).click();
  await until('both attempts', async () => (await details.count()) === 2);
  assert.deepEqual(await details.evaluateAll((all) => all.map((each) => each.open)), [false, true]);
});

visit('an alert is tested and deleted', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 70000 });
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Alerts');
  const row = alert_row(page, alert.id);
  await row.getByRole('button', { name: 'Send test' }).click();
  await until('the test', async () => (await deployment.received(alert.id)).length === 1);
  await row.getByRole('button', { name: 'Delete' }).click();
  await until('the row to disappear', async () => (await row.count()) === 0);
  assert.deepEqual(await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key }), []);
});

visit('a deleted alert that is wanted back is as it was', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const alert = await deployment.alert(user, {
    condition: 'lt',
    target_price: 1.5,
    note: 'kept',
    deliver_within: '5m',
    recover: false,
    format: 'template',
    template: { body: '{"text": "{{note}}"}', content_type: 'application/json' },
  });
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Alerts');
  await alert_row(page, alert.id).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  const [again] = await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.length && alerts;
  });
  const { id, created_at, ...rest } = again;
  assert.deepEqual({ ...rest, id: alert.id, created_at: alert.created_at }, alert);
  assert.notEqual(id, alert.id);
});

visit('signing out leaves nothing behind', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key, { remember: true });
  await go(page, 'Account');
  await page.getByText(user.email).first().waitFor();
  await page.getByRole('button', { name: 'Sign out' }).last().click();
  await is_signed_out(page);
  assert.ok(!(await page.content()).includes(user.email));
  await page.goBack();
  await is_signed_out(page);
});

visit('an alert whose ticker is watched no more says so', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 70000 });
  const other = await deployment.alert(user, { condition: 'gt', target_price: 80000 });
  await page.route(/\/api\/v1\/alerts\/(\?.*)?$/, async (route) => {
    const answer = await route.fetch();
    const alerts = (await answer.json()).map((each) => (each.id === alert.id ? { ...each, watched: false } : each));
    await route.fulfill({ response: answer, json: alerts });
  });
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Alerts');
  await alert_row(page, alert.id).getByText('BTC is not watched, so the alert cannot fire').waitFor();
  await alert_row(page, other.id).waitFor();
  assert.equal(await alert_row(page, other.id).getByText('is not watched').isVisible(), false);
});
