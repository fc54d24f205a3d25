// The market column with five hundred tickers, and an account with a thousand alerts.
import assert from 'node:assert/strict';

import { axe_findings, stage } from './support/browser.mjs';
import { by_id, find, go, open, overflows, price_of, price_row, resting, says, sign_in } from './support/page.mjs';
import { until } from './support/until.mjs';

const count = 500;
let listed, user;
const { visit } = stage({ coins: count }, async (deployment) => {
  user = await deployment.register('trader');
  await deployment.market.hold();
  // As many as the exchanges list are always watched from now on.
  const found = await until('the lists of coins', async () => {
    const { body } = await deployment.api('GET', `/tickers?limit=${count}`, { key: user.api_key });
    return body.length === count && body;
  });
  listed = [...new Set(['BTC', 'ETH', 'DOGE', 'SOL', 'BNB', ...found.map(({ ticker }) => ticker)])].slice(0, count);
  await deployment.pricewire.stop();
  deployment.env.PRICEWIRE_MARKET_TICKERS = listed.join();
  await deployment.start_pricewire();
});

const rows = (page) => by_id(page, 'price-row');
const tickers_shown = (page) => rows(page).evaluateAll((all) => all.map((row) => row.dataset.ticker));
const scroller = (page) => page.locator('.price-scroll');

async function enter(page) {
  await open(page);
  await sign_in(page, user.api_key);
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
  await until('all tickers', async () => (await page.getByRole('table', { name: 'Prices' }).getAttribute('aria-rowcount')) === String(count + 1));
}

// The longest frame while `work` runs, in milliseconds.
async function longest_frame(page, work) {
  await page.evaluate(() => {
    window.frames = [];
    let last = performance.now();
    const next = (now) => {
      window.frames.push(now - last);
      last = now;
      window.watching = requestAnimationFrame(next);
    };
    window.watching = requestAnimationFrame(next);
  });
  await work();
  return page.evaluate(() => {
    cancelAnimationFrame(window.watching);
    const sorted = window.frames.slice(1).sort((a, b) => a - b);
    const of = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    return `${sorted.length} frames, half within ${of(0.5)} ms, 95 % within ${of(0.95)} ms`;
  });
}

for (const screen of ['wide', 'middle', 'narrow']) {
  const touch = screen === 'narrow';
  visit(`${count} tickers are scrolled, searched, sorted and starred, ${screen}`, { screen, touch }, async ({ page }) => {
    await enter(page);
    assert.ok((await rows(page).count()) < 60, 'only rows in sight exist');
    const create = page.getByRole('button', { name: 'Create alert' });
    const box = await resting(page, create);
    assert.ok(box.y + box.height <= page.viewportSize().height, 'the form is in view');
    assert.equal(await overflows(page), false);
    assert.deepEqual(await axe_findings(page), []);

    const scrolling = await longest_frame(page, async () => {
      for (let step = 1; step <= 20; ++step)
        await scroller(page).evaluate((element, share) => {
          element.scrollTop = element.scrollHeight * share;
          return new Promise((done) => requestAnimationFrame(done));
        }, step / 20);
    });
    await price_row(page, listed.at(-1)).waitFor();
    assert.ok((await rows(page).count()) < 60);
    console.log(`scrolling ${count} tickers, ${screen}: ${scrolling}`);

    const wanted = listed[Math.floor(count / 2)];
    const begin = performance.now();
    await find(page, wanted.toLowerCase(), wanted);
    console.log(`searching ${count} tickers, ${screen}: ${Math.round(performance.now() - begin)} ms from "/" to the chart`);
    await price_row(page, wanted).waitFor();

    await price_row(page, wanted).getByRole('button', { name: `Star ${wanted}` }).click();
    await scroller(page).evaluate((element) => (element.scrollTop = 0));
    await until('the starred one on top', async () => (await tickers_shown(page))[0] === wanted);
    await page.reload();
    await until('it on top again', async () => (await tickers_shown(page))[0] === wanted);
    await page.getByRole('button', { name: 'Starred' }).click();
    await until('only it', async () => (await tickers_shown(page)).join() === wanted);
    await price_row(page, wanted).getByRole('button', { name: `Star ${wanted}` }).click();
    await page.getByText('No ticker has a star yet').waitFor();
    await page.getByRole('button', { name: 'All', exact: true }).click();

    const price = page.getByRole('columnheader', { name: 'Price' });
    await price.getByRole('button').click();
    await until('the falling order', async () => (await price.getAttribute('aria-sort')) === 'descending');
    await until('the dearest first', async () => {
      const shown = await rows(page).getByTestId('price').allTextContents();
      const prices = shown.map((text) => Number(text.replaceAll(',', '')));
      return prices[0] >= 65_000 && prices.every((each, i) => i === 0 || each <= prices[i - 1]);
    });
    await price.getByRole('button').click();
    await until('the rising order', async () => (await price.getAttribute('aria-sort')) === 'ascending');
    await price.getByRole('button').click();
    await until('no order', async () => (await price.getAttribute('aria-sort')) === null);
    await until('the listed order', async () => (await tickers_shown(page))[0] === listed[0]);
  });
}

visit('the arrow keys walk through the tickers, also out of sight', {}, async ({ page }) => {
  await enter(page);
  await page.getByRole('button', { name: 'BTC', exact: true }).focus();
  const goes_to = async (key, ticker) => {
    await page.keyboard.press(key);
    await until(`${key} to go to ${ticker}`, () =>
      page.evaluate((wanted) => document.activeElement.closest('tr')?.dataset.ticker === wanted, ticker),
    );
  };
  await goes_to('ArrowDown', listed[1]);
  await goes_to('End', listed.at(-1));
  await goes_to('ArrowUp', listed.at(-2));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: listed.at(-2), exact: true }).waitFor();
  await goes_to('Home', listed[0]);
});

visit('each ticker has its last day, its currency and its alerts', {}, async ({ page, deployment }) => {
  await deployment.alert(user, { ticker: 'ETH', condition: 'gt', target_price: 99999 });
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await enter(page);
  const row = price_row(page, 'ETH');
  await until('the change', async () => /^[+−]?\d+\.\d+ %$/.test(await row.getByTestId('change').textContent()));
  await until('the line to agree with the figure', () =>
    row.evaluate((element) => {
      const direction = (part) => element.querySelector(part).getAttribute('data-direction');
      return direction('.spark') === direction('[data-testid=change]');
    }),
  );
  assert.deepEqual(
    asked.filter((path) => /\/history$/.test(path) && !path.includes('/BTC/')),
    [],
    'one request for all of them',
  );
  await says(row, /USD/);
  await says(row.getByTestId('age'), 'live');
  await row.getByRole('link', { name: '1 active alert' }).waitFor();
  await page.getByRole('button', { name: 'With alerts' }).click();
  await until('only it', async () => (await tickers_shown(page)).join() === 'ETH');
});

visit('a thousand alerts stay usable', {}, async ({ page, deployment }) => {
  const owner = await deployment.register('collector');
  const alerts = Array.from({ length: 1000 }, (_, i) => ({
    ticker: listed[i % 50],
    condition: 'gt',
    target_price: 1_000_000 + i,
    webhook_url: `${deployment.hooks}/hook`,
  }));
  for (let from = 0; from < alerts.length; from += 100)
    await deployment.expect(200, 'POST', '/alerts/bulk', { key: owner.api_key, body: alerts.slice(from, from + 100) });
  await open(page);
  await sign_in(page, owner.api_key);
  await price_row(page, 'BTC').getByRole('link', { name: '20 active alerts' }).waitFor();
  const begin = performance.now();
  await go(page, 'Alerts');
  await by_id(page, 'alert-row').first().waitFor();
  console.log(`a list of 1,000 alerts after ${Math.round(performance.now() - begin)} ms`);
  const scrolling = await longest_frame(page, async () => {
    for (let step = 1; step <= 20; ++step)
      await page.evaluate((share) => {
        scrollTo(0, document.documentElement.scrollHeight * share);
        return new Promise((done) => requestAnimationFrame(done));
      }, step / 20);
  });
  console.log(`scrolling 1,000 alerts: ${scrolling}`);
});
