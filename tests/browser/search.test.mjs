// Any coin that an exchange lists: found, charted, watched, and an alert on it.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { axe_findings, looks, stage } from './support/browser.mjs';
import { confirm_price, find, form, found, open, overflows, price_of, price_row, sign_in } from './support/page.mjs';
import { output } from './support/programs.mjs';
import { settled, until } from './support/until.mjs';

const { visit } = stage({ coins: 60 }, (deployment) => deployment.market.hold());
const search_of = (page) => page.getByRole('combobox', { name: 'Find any coin' });

async function enter(page, deployment) {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
  return user;
}

// How many bars of the chart's ticker the page was sent.
function count_bars(page, ticker) {
  const seen = { bars: 0 };
  page.on('response', async (response) => {
    if (!response.url().includes(`/rates/${ticker}/history?interval=1m&limit=500`) || !response.ok()) return;
    seen.bars = (await response.json()).bars.length;
  });
  return seen;
}

visit('a coin is found by the keyboard, charted at once, and an alert on it is made', {}, async ({ page, deployment }) => {
  const user = await enter(page, deployment);
  const seen = count_bars(page, 'PEPE');
  const begin = performance.now();
  await find(page, 'pep', 'PEPE');
  await until('a full chart', () => seen.bars >= 290);
  console.log(`a full chart after ${Math.round(performance.now() - begin)} ms`);
  await until('its price', async () => /\d/.test(await price_of(page, 'PEPE')));
  const { price, url, create } = form(page);
  await price.fill('0.5');
  await url.fill(`${deployment.hooks}/hook`);
  await create.click();
  await confirm_price(page);
  const [alert] = await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.length && alerts;
  });
  assert.deepEqual([alert.ticker, alert.target_price, alert.is_active], ['PEPE', 0.5, true]);
});

visit('the arrows walk through what is found, and Escape leaves', {}, async ({ page, deployment }) => {
  await enter(page, deployment);
  const search = search_of(page);
  await search.fill('a');
  const options = found(page);
  await until('several coins', async () => (await options.count()) > 2);
  const marked = () =>
    settled(page, 'what is marked', () => page.locator('[role=option][aria-selected=true]').getAttribute('id'));
  const first = await marked();
  await search.press('ArrowDown');
  const second = await marked();
  assert.notEqual(second, first);
  assert.equal(await search.getAttribute('aria-activedescendant'), second);
  await search.press('ArrowUp');
  assert.equal(await marked(), first);
  await search.press('ArrowUp');
  await search.press('ArrowDown');
  assert.equal(await marked(), first, 'the list goes round');
  await search.press('Escape');
  await until('nothing to be searched', async () => (await search.inputValue()) === '' && (await options.count()) === 0);
  await search.fill('no such coin');
  await page.getByText('No exchange lists “no such coin”.').waitFor();
});

visit('an opened coin is there after a reload, until it is closed', {}, async ({ page, deployment }) => {
  await enter(page, deployment);
  await find(page, 'wif', 'WIF');
  await until('its price', async () => /\d/.test(await price_of(page, 'WIF')));
  await page.getByRole('button', { name: 'ETH', exact: true }).click();
  await page.reload();
  await until('its price again', async () => /\d/.test(await price_of(page, 'WIF')));
  await page.getByRole('heading', { name: 'ETH', exact: true }).waitFor();
  await page.getByRole('button', { name: 'WIF', exact: true }).click();
  await page.getByRole('button', { name: 'Close WIF' }).click();
  await until('its row to go', async () => (await price_row(page, 'WIF').count()) === 0);
  await page.getByRole('heading', { name: 'BTC', exact: true }).waitFor();
  await page.reload();
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
  assert.equal(await price_row(page, 'WIF').count(), 0);
});

for (const { screen, scheme } of looks) {
  visit(`what is found is readable (${screen}, ${scheme})`, { screen, scheme }, async ({ page, deployment }) => {
    await enter(page, deployment);
    await find(page, 'pepe', 'PEPE');
    await search_of(page).fill('a');
    await found(page).nth(2).waitFor();
    await page.screenshot({ path: join(output, 'screenshots', `search-${screen}-${scheme}.png`) });
    assert.deepEqual(await axe_findings(page), []);
    assert.equal(await overflows(page), false);
  });
}
