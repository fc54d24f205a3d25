// The page says when alerts cannot fire, and is shown as each user likes it.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { axe_findings, stage } from './support/browser.mjs';
import { by_id, drawn, go, open, overflows, price_of, price_row, says, sign_in } from './support/page.mjs';
import { output } from './support/programs.mjs';
import { until } from './support/until.mjs';

// One source, so that the test decides when a ticker has no price.
const off = 'BINANCE_US COINBASE KRAKEN OKX BYBIT BITSTAMP BITFINEX GEMINI KUCOIN GATEIO HTX CRYPTO_COM BITGET MEXC';
const config = Object.fromEntries(
  `${off} COINGECKO COINPAPRIKA`.split(' ').map((name) => [`PRICEWIRE_SOURCES_${name}_ENABLED`, 'false']),
);
const { visit } = stage({ config: { ...config, PRICEWIRE_MARKET_QUOTE_TTL: '2s' } }, (deployment) =>
  deployment.market.hold(),
);

const strip = (page) => by_id(page, 'market-strip');
const market = (page) => by_id(page, 'market-state');

async function enter(page, deployment, name) {
  const user = await deployment.register(name);
  await open(page);
  await sign_in(page, user.api_key);
  await until('a price', async () => (await price_of(page, 'BTC')).startsWith('65,000'));
  return user;
}

for (const screen of ['wide', 'middle', 'narrow'])
  visit(`the page says when alerts cannot fire, and why, ${screen}`, { screen }, async ({ page, deployment, market: sim }) => {
    await sim.hold();
    const user = await enter(page, deployment, 'blind');
    await until('all prices', async () => (await market(page).getAttribute('data-state')) === 'ok');
    await until('no strip', async () => !(await strip(page).isVisible()));
    for (const target_price of [70000, 71000]) await deployment.alert(user, { condition: 'gt', target_price });
    await sim.post('fault/binance.rest', '503');
    await sim.release();
    try {
      await says(market(page), 'No prices');
      await says(by_id(page, 'connection'), 'Live');
      await says(strip(page), /^No price of any ticker since \d.*: .+\. 2 alerts wait\..*Sources$/);
      await says(price_row(page, 'BTC').getByTestId('age'), 'no price');
      assert.equal(await overflows(page), false);
      assert.deepEqual(await axe_findings(page), []);
      await page.screenshot({ path: join(output, 'screenshots', `no-price-${screen}.png`) });
      await strip(page).getByRole('link', { name: 'Sources' }).click();
      await drawn(page, 'Sources');
      await go(page, 'Market');
    } finally {
      await sim.post('fault/binance.rest', 'none');
      await sim.hold();
    }
    await until('all prices', async () => (await market(page).getAttribute('data-state')) === 'ok');
    await until('the strip to go', async () => !(await strip(page).isVisible()));
  });

visit('a ticker without a price is named, also beside the chart of another', {}, async ({ page, deployment }) => {
  await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => {
    socket.connectToServer().onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === 'prices' && 'ETH' in message.prices) message.prices.ETH = null;
      socket.send(JSON.stringify(message));
    });
  });
  await enter(page, deployment, 'partial');
  await says(market(page), 'No ETH');
  await says(strip(page), /^No price of ETH/);
  await price_row(page, 'ETH').getByRole('button', { name: 'ETH', exact: true }).click();
  await says(strip(page), /^No price of ETH yet/);
});

visit('a lost connection is told from a market without prices', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/WebSocket connection to .* failed/, /ERR_/, /status of 503/);
  await enter(page, deployment, 'lost');
  await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => socket.close());
  await deployment.pricewire.stop();
  await says(strip(page), /^Not connected since .* The server watches your alerts all the same\./);
  await says(market(page), '');
  await deployment.start_pricewire();
});

visit('theme, zone and number format are as the user wants them', { scheme: 'dark', zone: 'Europe/Berlin' }, async ({ visitor, page, deployment }) => {
  await enter(page, deployment, 'settings');
  const background = (each) => each.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background(page);
  await go(page, 'Account');
  await page.getByLabel('Theme').selectOption('Light');
  const light = await background(page);
  assert.notEqual(light, dark);
  assert.deepEqual(await axe_findings(page), []);
  await page.getByLabel('Numbers').selectOption('65.420,15');
  await page.getByText('A price looks like 65.420,15.').waitFor();
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await page.getByText('Times are in UTC+9').waitFor();
  await page.getByLabel('Theme').selectOption('Dark');
  assert.equal(await background(page), dark);
  await page.getByLabel('Theme').selectOption('Light');
  await go(page, 'Market');
  await until('the price', async () => (await price_of(page, 'BTC')).startsWith('65.000'));
  await page.reload();
  assert.equal(await background(page), light);
  await until('the price again', async () => (await price_of(page, 'BTC')).startsWith('65.000'));
  // Another tab follows at once.
  const other = await visitor.open_tab();
  await other.goto('/');
  await go(page, 'Account');
  await page.getByLabel('Theme').selectOption('As the system');
  await until('the other tab', async () => (await background(other)) === dark);
});

visit('nothing is drawn while the page is hidden, but its title', {}, async ({ page, deployment, market: sim }) => {
  await sim.hold({ BTC: '65000' });
  await enter(page, deployment, 'hidden');
  await page.evaluate(() => {
    window.is_hidden = true;
    Object.defineProperty(document, 'hidden', { get: () => window.is_hidden });
  });
  await sim.hold({ BTC: '65100' });
  await until('the title', async () => /^65,100(\.0+)? BTC/.test(await page.title()));
  assert.match(await price_of(page, 'BTC'), /^65,000/);
  assert.match(await page.locator('.big-price').textContent(), /^65,000/);
  await page.evaluate(() => {
    window.is_hidden = false;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until('the price', async () => (await price_of(page, 'BTC')).startsWith('65,100'));
  await says(page.locator('.big-price'), /^65,100/);
  await sim.hold({ BTC: '65000' });
});
