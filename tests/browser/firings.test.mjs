// What fires is noticed: the bell, the title, the icon, one message that covers no control; in every tab, also for alerts
// made elsewhere. The page as an app.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { axe_findings, stage } from './support/browser.mjs';
import { alert_row, by_id, go, is_focused, live, open, overflows, price_of, price_row, says, sign_in } from './support/page.mjs';
import { output } from './support/programs.mjs';
import { settled, until } from './support/until.mjs';

const { visit } = stage({}, (deployment) => deployment.market.hold());

const bell = (page) => by_id(page, 'bell');
const panel = (page) => by_id(page, 'bell-panel');
const unread = async (page) => Number(/(\d+) unread/.exec(await bell(page).getAttribute('aria-label'))?.[1] ?? 0);
const icon = (page) => page.locator('link[rel=icon]').getAttribute('href');

const fire = (deployment, user, target_price) => deployment.alert(user, { condition: 'gt', target_price });

async function enter(page, deployment, user) {
  await open(page);
  await sign_in(page, user.api_key, { remember: true });
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
}

// Controls that a message covers: those a press on their middle would not reach.
const covered = (page) =>
  page.evaluate(() => {
    const toasts = document.getElementById('toasts').getBoundingClientRect();
    return [...document.querySelectorAll('a[href], button, input, select, summary, [role=slider]')]
      .filter((control) => !control.closest('#toasts') && control.checkVisibility())
      .filter((control) => {
        const { left, top, right, bottom, width, height } = control.getBoundingClientRect();
        const apart = right <= toasts.left || left >= toasts.right || bottom <= toasts.top || top >= toasts.bottom;
        return width > 1 && height > 1 && !apart;
      })
      .map((control) => control.outerHTML.slice(0, 120));
  });

for (const screen of ['wide', 'middle', 'narrow']) {
  const touch = screen === 'narrow';
  visit(`what fires is unread until it is looked at, ${screen}`, { screen, touch }, async ({ visitor, page, deployment }) => {
    const user = await deployment.register('bell');
    await enter(page, deployment, user);
    const plain = await icon(page);
    const other = await visitor.open_tab();
    await other.goto('/#/account');
    await live(other);

    for (const price of [60000, 61000, 62000]) await fire(deployment, user, price);
    for (const each of [page, other]) {
      await until('three unread', async () => (await unread(each)) === 3);
      await until('the title', async () => (await each.title()).startsWith('(3) '));
      await until('the icon', async () => /^data:image\/svg\+xml/.test(await icon(each)));
    }
    await until('the price in it', async () => /^\(3\) 65,000 BTC · Pricewire$/.test(await page.title()));
    await page.bringToFront();
    const toasts = page.locator('.toast');
    await until('one message', async () => /^3 alerts fired\. The last: BTC above /.test(await toasts.first().textContent()));
    assert.equal(await toasts.count(), 1, 'they are grouped');
    await until('it to cover no control', async () => (await covered(page)).length === 0);
    for (const view of ['Alerts', 'Deliveries', 'Account', 'Market']) {
      await go(page, view);
      if ((await toasts.count()) > 0) await until(`no control covered: ${view}`, async () => (await covered(page)).length === 0);
    }
    assert.equal(await overflows(page), false);
    assert.deepEqual(await axe_findings(page), []);

    await bell(page).click();
    await until('all three', async () => (await panel(page).getByRole('listitem').count()) === 3);
    assert.equal(await panel(page).locator('[data-unread]').count(), 3, 'they stay marked while they are looked at');
    await page.screenshot({ path: join(output, 'screenshots', `bell-${screen}.png`) });
    assert.deepEqual(await axe_findings(page), []);
    for (const each of [page, other]) await until('none unread', async () => (await unread(each)) === 0);
    await until('the plain icon', async () => (await icon(page)) === plain);
    await page.keyboard.press('Escape');
    await until('the panel to close', async () => !(await panel(page).isVisible()));
    await until('the focus on the bell', () => is_focused(bell(page)));
    await other.close();

    await page.reload();
    await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
    assert.equal(await unread(page), 0, 'what was read stays so');
    // While the page is closed.
    await page.goto('about:blank');
    await fire(deployment, user, 63000);
    await page.goto('/');
    await until('one unread', async () => (await unread(page)) === 1);
  });
}

visit('a link of the bell leads to the delivery', {}, async ({ page, deployment }) => {
  const user = await deployment.register('link');
  await enter(page, deployment, user);
  await fire(deployment, user, 60000);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await panel(page).getByRole('link', { name: 'BTC above 60,000' }).click();
  await until('the deliveries', () => /#\/deliveries/.test(page.url()));
  await until('the panel to close', async () => !(await panel(page).isVisible()));
});

// Counts the tones that would be heard.
function stub_sound() {
  window.tones = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...at) {
    window.tones += 1;
    return start.apply(this, at);
  };
}

visit('a sound is played where it is wanted', { before: [stub_sound] }, async ({ page, deployment }) => {
  const user = await deployment.register('sound');
  await enter(page, deployment, user);
  await fire(deployment, user, 60000);
  await until('one unread', async () => (await unread(page)) === 1);
  assert.equal(await page.evaluate(() => window.tones), 0);
  await go(page, 'Account');
  await page.getByLabel('Play a sound when an alert fires').check();
  // It can be heard when it is chosen.
  const sample = await settled(page, 'the sound', async () => (await page.evaluate(() => window.tones)) || null);
  await fire(deployment, user, 61000);
  await until('the sound', async () => (await page.evaluate(() => window.tones)) === 2 * sample);
});

visit('alerts made, changed and deleted elsewhere are the same in every tab', {}, async ({ visitor, page, deployment }) => {
  const user = await deployment.register('elsewhere');
  await enter(page, deployment, user);
  const other = await visitor.open_tab();
  await other.goto('/#/alerts');
  await live(other);
  const alert = await deployment.alert(user, { condition: 'gt', target_price: 70000 });
  await until('its line on the chart', async () => (await by_id(page, 'alert-line').count()) === 1);
  await price_row(page, 'BTC').getByRole('link', { name: '1 active alert' }).waitFor();
  await alert_row(other, alert.id).waitFor();
  await deployment.expect(200, 'PATCH', `/alerts/${alert.id}`, { key: user.api_key, body: { note: 'Sell half' } });
  await says(alert_row(other, alert.id).locator('.note'), 'Sell half');
  await deployment.expect(204, 'DELETE', `/alerts/${alert.id}`, { key: user.api_key });
  await until('its line to go', async () => (await by_id(page, 'alert-line').count()) === 0);
  await until('its row to go', async () => (await alert_row(other, alert.id).count()) === 0);
});

visit('alerts made and deleted while the page was disconnected are caught up on', {}, async ({ page, deployment }) => {
  const user = await deployment.register('resumed');
  const gone = await deployment.alert(user, { condition: 'gt', target_price: 70000 });
  // A connection that the test can cut, and that the page cannot restore until it may.
  let cut;
  let may_connect = true;
  const refused = [];
  await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => {
    if (!may_connect) {
      refused.push(socket);
      return void socket.close();
    }
    socket.connectToServer();
    cut = () => socket.close();
  });
  await enter(page, deployment, user);
  await go(page, 'Alerts');
  await alert_row(page, gone.id).waitFor();
  const lists = [];
  page.on('request', (request) => request.url().includes('/api/v1/alerts/?') && lists.push(request.url()));
  may_connect = false;
  await cut();
  await says(by_id(page, 'connection'), 'Reconnecting…');
  const made = await deployment.alert(user, { condition: 'lt', target_price: 50000 });
  await deployment.expect(204, 'DELETE', `/alerts/${gone.id}`, { key: user.api_key });
  may_connect = true;
  await live(page);
  await alert_row(page, made.id).waitFor();
  await until('the deleted one to go', async () => (await alert_row(page, gone.id).count()) === 0);
  assert.deepEqual(lists, [], 'by the events since the last one, not by loading the lists again');
});

visit('the page is an app that can be installed', {}, async ({ page, deployment }) => {
  await open(page);
  const manifest = await page.evaluate(async () => {
    const { href } = document.querySelector('link[rel=manifest]');
    const answer = await fetch(href);
    return { type: answer.headers.get('content-type'), body: await answer.json() };
  });
  assert.match(manifest.type, /^application\/manifest\+json/);
  assert.equal(manifest.body.display, 'standalone');
  for (const { src, type, sizes } of manifest.body.icons) {
    const answer = await fetch(deployment.url + src);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, type], src);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes, src);
  }
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  assert.equal(scope, `${deployment.url}/`);
  const devtools = await page.context().newCDPSession(page);
  await until('the browser to agree', async () => {
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
    return installabilityErrors.every(({ errorId }) => errorId === 'in-incognito');
  });
});
