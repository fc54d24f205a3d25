// The console: endpoints, deliveries and alerts as lists that are searched, narrowed and acted on; the first steps.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { axe_findings, stage } from './support/browser.mjs';
import { alert_row, by_id, delivery_rows, go_to, live, open, overflows, says, sign_in } from './support/page.mjs';
import { until } from './support/until.mjs';

// No delivery ends, and none is tried again, while a test looks.
const config = { PRICEWIRE_DELIVERY_FIRST_RETRIES: '1h', PRICEWIRE_DELIVERY_ATTEMPTS: '4' };
const { visit } = stage({ config }, (deployment) => deployment.market.hold());
const sizes = ['narrow', 'middle', 'wide'];

async function enter(page, user, hash) {
  await open(page);
  await sign_in(page, user.api_key);
  await go_to(page, hash);
}

async function fits(page) {
  assert.deepEqual(await axe_findings(page), []);
  assert.equal(await overflows(page), false);
}

async function states(deployment, user) {
  const all = await deployment.expect(200, 'GET', '/deliveries', { key: user.api_key });
  return all.map((each) => each.status).sort();
}

// Two URLs: one that works and one that has failed, given up by a 410 if `gone`.
async function two_endpoints(deployment, name) {
  const user = await deployment.register(name);
  const [good, bad] = [`${deployment.hooks}/good/${name}`, `${deployment.hooks}/bad/${name}`];
  const fires = { condition: 'gt', target_price: 64000 };
  const works = await deployment.alert(user, { ...fires, webhook_url: good });
  await until('it to be delivered', async () => (await states(deployment, user)).join() === 'delivered');
  await deployment.receiver_post('mode', 'fail:503');
  const fails = await deployment.alert(user, { ...fires, webhook_url: bad });
  await until('it to fail once', async () => {
    const all = await deployment.expect(200, 'GET', '/deliveries', { key: user.api_key });
    return all.some((each) => each.webhook_url === bad && each.attempt_count === 1 && each.status === 'pending');
  });
  await deployment.receiver_post('mode', 'ok');
  return { user, good, bad, works, fails };
}

const endpoint_row = (page, url) => page.locator(`[data-testid=endpoint-row][data-url="${url}"]`);

for (const screen of sizes)
  visit(`what never worked is never OK, ${screen}`, { screen, touch: screen === 'narrow' }, async ({ page, deployment }) => {
    const { user, good, bad } = await two_endpoints(deployment, `states-${screen}`);
    const unused = `${deployment.hooks}/unused`;
    await deployment.alert(user, { condition: 'gt', target_price: 90000, webhook_url: unused });
    await enter(page, user, 'endpoints');
    await says(endpoint_row(page, good).locator('.badge'), 'OK');
    await says(endpoint_row(page, bad).locator('.badge'), 'Failing');
    await says(endpoint_row(page, unused).locator('.badge'), 'Not called yet');
    await fits(page);
    await endpoint_row(page, bad).getByRole('link').click();
    await says(page.getByRole('heading', { level: 1 }), bad);
    await says(page.getByRole('region', { name: 'State' }).getByRole('definition'), 'Never');
    await says(delivery_rows(page).locator('.badge'), 'Retrying 1 of 4');
    await says(delivery_rows(page), /the receiver answered 503/);
    await fits(page);
    await page.getByRole('link', { name: 'All deliveries' }).click();
    await until('the one delivery to it', async () => (await delivery_rows(page).count()) === 1);
    await page.reload();
    await live(page);
    await until('the same after a reload', async () => (await delivery_rows(page).count()) === 1);
    await page.getByLabel('Endpoint').selectOption({ label: 'All endpoints' });
    await until('both', async () => (await delivery_rows(page).count()) === 2);
    await page.getByLabel('Kind').selectOption('Tests');
    await page.getByText('No delivery matches.').waitFor();
    await fits(page);
    await page.getByRole('link', { name: 'Show all deliveries' }).click();
    await until('both', async () => (await delivery_rows(page).count()) === 2);
  });

visit('how many are sent again is said before the button, and only those of the endpoint are', {}, async ({ page, deployment }) => {
  const user = await deployment.register('replay');
  const urls = ['one', 'two'].map((name) => `${deployment.hooks}/${name}`);
  await deployment.receiver_post('mode', 'fail:410');
  for (const webhook_url of urls) await deployment.alert(user, { condition: 'gt', target_price: 64000, webhook_url });
  await until('both to fail', async () => (await states(deployment, user)).join() === 'failed,failed');
  for (const webhook_url of urls)
    await deployment.expect(204, 'POST', '/endpoints/enable', { key: user.api_key, body: { webhook_url } });
  await deployment.receiver_post('mode', 'ok');
  await enter(page, user, 'deliveries');
  await page.getByRole('button', { name: /^Send failed again/ }).click();
  const dialog = page.getByRole('dialog');
  await says(by_id(page, 'replay-count'), /^2 failed deliveries/);
  await dialog.getByRole('button', { name: 'Send 2 again' }).waitFor();
  assert.deepEqual(await axe_findings(page), []);
  await dialog.getByLabel('Endpoint').selectOption(urls[0]);
  await dialog.getByRole('button', { name: 'Send 1 again' }).click();
  await until('one to arrive', async () => (await states(deployment, user)).join() === 'delivered,failed');
  await until('the dialog to close', async () => (await dialog.count()) === 0);
  await page.getByRole('button', { name: /^Send failed again/ }).click();
  await dialog.getByRole('button', { name: 'Send 1 again' }).click();
  await until('the other to arrive', async () => (await states(deployment, user)).join() === 'delivered,delivered');
});

for (const screen of sizes)
  visit(`alerts are found, sorted, selected and deleted, ${screen}`, { screen, touch: screen === 'narrow' }, async ({ visitor, page, deployment }) => {
    const user = await deployment.register('lists');
    const make = (alert) => deployment.alert(user, { condition: 'gt', ...alert });
    const far = await make({ target_price: 90000, note: 'far away '.repeat(50) });
    const near = await make({ target_price: 66000, note: 'take profit' });
    const eth = await make({ ticker: 'ETH', target_price: 9000 });
    const fired = await make({ target_price: 64000 });
    await enter(page, user, 'alerts');
    const ids = () => by_id(page, 'alert-row').evaluateAll((rows) => rows.map((row) => row.dataset.id));
    const shows = (what, ...alerts) =>
      until(what, async () => (await ids()).join() === alerts.map((alert) => alert.id).join());
    await shows('the newest first', fired, eth, near, far);
    assert.ok((await alert_row(page, far.id).boundingBox()).height < 260, 'a long note is cut short');
    await page.getByLabel('Sort').selectOption('Nearest first');
    await until('the nearest first', async () => (await ids())[0] === near.id);
    await page.getByLabel('Search alerts').fill('profit 66,000');
    await shows('the one that is searched', near);
    await page.getByLabel('Search alerts').fill('');
    await page.getByLabel('Ticker').selectOption('ETH');
    await shows('that of the ticker', eth);
    await page.getByLabel('Ticker').selectOption('All tickers');
    await page.getByLabel('Sort').selectOption('Newest first');
    await page.getByRole('button', { name: 'Fired', exact: true }).click();
    await shows('the fired one', fired);
    await fits(page);
    // It holds still, so it would fire at once.
    await alert_row(page, fired.id).getByRole('button', { name: 'Again' }).click();
    await page.getByRole('dialog').getByText('holds already').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    for (const alert of [far, near]) await alert_row(page, alert.id).getByRole('checkbox').check();
    await page.getByRole('group', { name: 'Selected alerts' }).getByText('2 selected').waitFor();
    await fits(page);
    await page.getByRole('button', { name: 'Delete selected' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await shows('the others', fired, eth);
    const left = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    assert.deepEqual(left.map((alert) => alert.id), [fired.id, eth.id]);
    await page.locator('.toast', { hasText: 'Deleted' }).getByRole('button', { name: 'Undo' }).click();
    await until('both to be made again', async () => {
      const notes = (await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key })).map((alert) => alert.note);
      return notes.includes(near.note) && notes.includes(far.note);
    });
    await until('their rows', async () => (await ids()).length === 4);
    await visitor.forget_shifts();
    await go_to(page, 'alerts?ticker=ETH');
    await shows('what the link names', eth);
    await alert_row(page, eth.id).getByRole('link', { name: 'Deliveries' }).click();
    await page.getByText('No delivery matches.').waitFor();
  });

for (const screen of sizes)
  visit(`a new account begins with its first steps, ${screen}`, { screen, touch: screen === 'narrow' }, async ({ visitor, page, deployment }) => {
    await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await open(page);
    await page.getByText('Lost your key?').click();
    await page.getByText('pricewire users reset-key EMAIL').waitFor();
    const email = deployment.email('steps');
    await page.getByLabel('E-mail').fill(email);
    await page.getByRole('button', { name: 'Create account' }).click();
    const key = (await by_id(page, 'api-key').textContent()).trim();
    const secret = (await by_id(page, 'webhook-secret').textContent()).trim();
    await page.getByRole('button', { name: 'Copy API key' }).click();
    await until('the key to be copied', async () => (await clipboard()) === key);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download .env' }).click(),
    ]);
    const file = readFileSync(await download.path(), 'utf8');
    assert.ok(file.includes(`PRICEWIRE_API_KEY=${key}\n`) && file.includes(`PRICEWIRE_WEBHOOK_SECRET=${secret}\n`));
    const saved = page.locator('input[autocomplete=username], input[autocomplete=new-password]');
    assert.deepEqual(await saved.evaluateAll((inputs) => inputs.map((input) => input.value)), [email, key]);
    assert.equal(await page.getByLabel('Keep me signed in on this device').isChecked(), true);
    await fits(page);
    await page.getByRole('button', { name: 'I have saved them' }).click();
    await page.getByRole('heading', { level: 1, name: 'First steps' }).waitFor();
    await by_id(page, 'step-key').getByText('done', { exact: true }).waitFor({ state: 'attached' });
    assert.ok((await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes(key), 'it is remembered');
    assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage }))).includes(secret), 'the secret is not');
    await fits(page);
    // A test arrives at an address of this server, and its signature is verified by the sample as it is copied.
    await page.getByRole('button', { name: 'Send me a test' }).click();
    await says(by_id(page, 'catcher-state'), /signature is right/);
    await fits(page);
    const sample = by_id(page, 'sample');
    await until('the secret in the sample', async () => (await sample.textContent()).includes(secret));
    const said = execFileSync('sh', ['-c', await sample.textContent()]).toString().trim();
    assert.equal(said, 'the signature is right');
    for (const language of ['Node', 'Python', 'Go', 'curl + openssl']) {
      await page.getByRole('group', { name: 'Language' }).getByRole('button', { name: language }).click();
      await until(`the secret in ${language}`, async () => (await sample.textContent()).includes(secret));
    }
    await page.getByRole('button', { name: 'Copy program' }).click();
    await until('the program to be copied', async () => (await clipboard()) === (await sample.textContent()));
    await by_id(page, 'step-verify').getByText('done', { exact: true }).waitFor({ state: 'attached' });
  });

visit('what was sent is shown as it was, and copied as a command', {}, async ({ visitor, page, deployment }) => {
  await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const user = await deployment.register('payload');
  const note = `It's "quoted" – é`;
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 64000, note });
  const [sent] = await until('the webhook', async () => {
    const all = await deployment.received(alert.id);
    return all.length && all;
  });
  await enter(page, user, `deliveries/${sent.webhook_id}`);
  await until('the payload', async () => (await by_id(page, 'payload').textContent()).includes('"ticker": "BTC"'));
  assert.deepEqual(await axe_findings(page), []);
  await page.getByRole('button', { name: 'Copy payload' }).click();
  const body = await until('the payload to be copied', clipboard);
  assert.equal(JSON.parse(body).note, note);
  await page.getByRole('button', { name: /^Copy ID/ }).click();
  await until('the id to be copied', async () => (await clipboard()) === sent.webhook_id);
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  const command = await until('the command to be copied', async () => {
    const text = await clipboard();
    return text.includes('curl -i') && text;
  });
  execFileSync('sh', ['-c', command], { env: { ...process.env, WEBHOOK_SECRET: user.webhook_secret }, stdio: 'pipe' });
  const again = (await deployment.received(alert.id)).at(-1);
  assert.equal((await deployment.received(alert.id)).length, 2);
  assert.deepEqual([again.webhook_id, again.signature_ok], [sent.webhook_id, true]);
});

visit('an account is deleted only after its e-mail address was typed', {}, async ({ page, deployment }) => {
  const user = await deployment.register('leaving');
  await enter(page, user, 'account');
  await page.getByText(user.email).first().waitFor();
  await page.getByRole('button', { name: 'Delete account' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Delete account' }).click();
  await dialog.getByText('This is not what is asked for.').waitFor();
  await deployment.expect(200, 'GET', '/users/me', { key: user.api_key });
  await dialog.getByLabel(/^Type/).fill(user.email);
  await dialog.getByRole('button', { name: 'Delete account' }).click();
  await page.getByText('Your account has been deleted.').waitFor();
  await deployment.expect(401, 'GET', '/users/me', { key: user.api_key });
});

visit('an account that could not be loaded says so, and is loaded again', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of 500/);
  const user = await deployment.register('away');
  let away = true;
  const refuse = (route) => (away ? route.fulfill({ status: 500, body: '' }) : route.continue());
  await page.route('**/api/v1/users/me/webhook-secret', refuse);
  await enter(page, user, 'account');
  await says(page.getByRole('alert'), /500/);
  await until('nothing to be loading', async () => (await page.getByText('Loading…').count()) === 0);
  away = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('v1, HMAC-SHA256').waitFor();
});

visit('a thousand alerts are searched and scrolled', {}, async ({ visitor, page, deployment }) => {
  const user = await deployment.register('many');
  const alerts = Array.from({ length: 990 }, (_, i) => ({
    ticker: ['BTC', 'ETH', 'SOL'][i % 3],
    condition: 'gt',
    target_price: 100000 + i,
    webhook_url: `${deployment.hooks}/hook`,
    note: `number ${i}`,
  }));
  await deployment.expect(200, 'POST', '/alerts/bulk', { key: user.api_key, body: { alerts } });
  await enter(page, user, 'alerts');
  await until('the first rows', async () => (await by_id(page, 'alert-row').count()) === 60);
  const times = [];
  for (const text of ['number 7', 'eth', '']) {
    const took = await page.getByLabel('Search alerts').evaluate(
      (input, value) =>
        new Promise((done) => {
          const begun = performance.now();
          input.value = value;
          input.dispatchEvent(new Event('input'));
          requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun)));
        }),
      text,
    );
    times.push(`${text || 'none'} ${took.toFixed(0)} ms`);
  }
  await visitor.forget_shifts();
  console.log(`# search among 990 alerts until two frames later: ${times.join(', ')}`);
  await page.getByLabel('Search alerts').fill('number 777');
  await until('the one', async () => (await by_id(page, 'alert-row').count()) === 1);
  // All of a ticker go in one request, whatever the limits.
  await go_to(page, 'alerts?ticker=ETH');
  await until('those of ETH', async () => (await by_id(page, 'alert-row').count()) === 60);
  await page.getByLabel('Select all shown').check();
  await page.getByText('330 selected').waitFor();
  let deletions = 0;
  page.on('request', (request) => (deletions += Number(request.method() === 'DELETE')));
  await page.getByRole('button', { name: 'Delete selected' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await until('them to be gone', async () => (await by_id(page, 'alert-row').count()) === 0);
  assert.equal(deletions, 2, 'one that counts, one that deletes');
});
