// Each view in every size and colour scheme: axe findings, overflow, and a screenshot.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { axe_findings, looks, screens, stage } from './support/browser.mjs';
import {
  by_id,
  delivery_rows,
  open_form,
  go,
  live,
  open,
  open_delivery,
  overflows,
  price_row,
  says,
  sign_in,
  sign_up,
  views,
} from './support/page.mjs';
import { output } from './support/programs.mjs';
import { tickers } from './support/market.mjs';
import { until } from './support/until.mjs';

const pictures = join(output, 'screenshots');
let user, newcomer;
const { visit } = stage({ history: true }, async (deployment) => {
  user = await deployment.register('views');
  newcomer = await deployment.register('newcomer');
  await fill(deployment, user);
  await deployment.market.sway();
});

// An account after some use: alerts on both sides, some fired; deliveries delivered, failed and pending.
async function fill(deployment, user) {
  const { market } = deployment;
  await market.hold();
  await until('prices', async () => (await deployment.api('GET', '/rates/', { key: user.api_key })).status === 200);
  for (const [ticker, condition, target_price, note] of [
    ['BTC', 'gt', 65480.5, 'Take some profit'],
    ['BTC', 'gt', 66250, ''],
    ['BTC', 'lt', 64310, 'Buy the dip'],
    ['ETH', 'gt', 3250, ''],
    ['SOL', 'lt', 120.25, 'Second tranche'],
    ['DOGE', 'gt', 0.2, ''],
  ])
    await deployment.alert(user, { ticker, condition, target_price, ...(note && { note }) });
  const done = (status, count) =>
    until(`${count} deliveries that are ${status}`, async () => {
      const all = await deployment.expect(200, 'GET', '/deliveries', { key: user.api_key });
      return all.filter((delivery) => delivery.status === status).length === count;
    });
  await deployment.alert(user, { ticker: 'BTC', condition: 'gt', target_price: 64900 });
  await deployment.alert(user, {
    ticker: 'SOL',
    condition: 'gt',
    target_price: 140.5,
    webhook_url: `${deployment.hooks}/sol`,
  });
  await done('delivered', 2);
  await deployment.receiver_post('mode', 'fail-first:1');
  await deployment.alert(user, {
    ticker: 'ETH',
    condition: 'lt',
    target_price: 3120,
    webhook_url: `${deployment.hooks}/eth`,
  });
  await done('delivered', 3);
  await deployment.receiver_post('mode', 'fail:410');
  await deployment.alert(user, {
    ticker: 'BNB',
    condition: 'gt',
    target_price: 575,
    webhook_url: `${deployment.hooks}/gone`,
  });
  await done('failed', 1);
  await deployment.receiver_post('mode', 'fail:503');
  await deployment.alert(user, {
    ticker: 'DOGE',
    condition: 'lt',
    target_price: 0.15,
    webhook_url: `${deployment.hooks}/busy`,
  });
  await until('a first failed attempt', async () => {
    const all = await deployment.expect(200, 'GET', '/deliveries', { key: user.api_key });
    return all.some((delivery) => delivery.status === 'pending' && delivery.attempt_count > 0);
  });
}

async function look(page, name, { screen, scheme }) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({
    path: join(pictures, `${name}-${screens[screen].width}-${scheme}.png`),
    animations: 'disabled',
  });
  assert.deepEqual(await axe_findings(page), [], `axe on ${name}`);
  assert.equal(await overflows(page), false, `${name} fits ${screens[screen].width} px`);
}

// What a view shows once its data has loaded.
const shown = {
  Market: async (page) => {
    for (const ticker of tickers) await price_row(page, ticker).waitFor();
    await until('the alerts of BTC as lines', async () => (await by_id(page, 'alert-line').count()) >= 3);
  },
  Alerts: (page) => until('all alerts', async () => (await by_id(page, 'alert-row').count()) >= 11),
  Deliveries: (page) => until('all deliveries', async () => (await delivery_rows(page).count()) >= 5),
  Endpoints: (page) => until('all endpoints', async () => (await by_id(page, 'endpoint-row').count()) >= 5),
  Sources: (page) => page.getByText('binance', { exact: false }).first().waitFor(),
  Account: (page) => page.getByText(user.email).first().waitFor(),
};

for (const style of looks) {
  visit(`every view, ${style.screen} and ${style.scheme}`, style, async ({ visitor, page, deployment }) => {
    visitor.allow(/status of 422/);
    await open(page);
    await look(page, 'sign-in', style);
    await sign_up(page, deployment.email('looks'), () => look(page, 'keys', style));
    await live(page);
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await sign_in(page, user.api_key);
    for (const view of views) {
      await go(page, view);
      await shown[view](page);
      await look(page, view.toLowerCase(), style);
    }

    await go(page, 'Market');
    await shown.Market(page);
    const { price, url, note, create } = await open_form(page);
    await price.fill('65300');
    await url.fill('https://your-server.example/hook');
    await note.fill('Sell half.');
    await by_id(page, 'draft-line').waitFor();
    await look(page, 'draft', style);
    await url.fill('nowhere');
    await create.click();
    await until('the mistake to be reported', async () => (await url.getAttribute('aria-invalid')) === 'true');
    await look(page, 'mistake', style);

    await go(page, 'Deliveries');
    await open_delivery(page, delivery_rows(page).filter({ hasText: '/eth' }));
    await until('both attempts', async () => (await by_id(page, 'attempt-row').count()) === 2);
    await page.getByText('Request and response').first().click();
    await look(page, 'delivery', style);
  });
}

visit('each interval has its bars', {}, async ({ page, deployment }) => {
  await open(page);
  await sign_in(page, user.api_key);
  for (const interval of ['5m', '1h', '1d', '1w', '1m']) {
    await page.getByRole('group', { name: 'Interval' }).getByRole('button', { name: interval, exact: true }).click();
    await until(`the bars of ${interval}`, async () => {
      const path = `/rates/BTC/history?interval=${interval}`;
      const { bars } = await deployment.expect(200, 'GET', path, { key: user.api_key });
      const shown = await by_id(page, 'chart').getByRole('img').getAttribute('aria-label');
      return shown.includes(`, ${interval} bars:`) && shown.includes(`opened at ${bars.at(-1).open},`);
    });
  }
});

visit('an empty account says what to do next, wide and light', {}, async ({ page }) => {
  await open(page);
  await sign_in(page, newcomer.api_key);
  for (const view of ['Alerts', 'Deliveries']) {
    await go(page, view);
    await says(page.locator('main .empty'), /chart|alert/i);
    await look(page, `${view.toLowerCase()}-empty`, { screen: 'wide', scheme: 'light' });
  }
});
