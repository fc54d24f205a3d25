// Each source with its state and its quote, what is left out and why, and how sure a price is.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { by_id, go, live, open, says, sign_up } from './support/page.mjs';
import { until } from './support/until.mjs';

// While sources connect, the texts of their rows come and go.
const { visit } = stage({}, async (deployment) => {
  await deployment.market.hold();
  await until('all sources', async () => {
    const { dependencies } = await (await fetch(`${deployment.url}/health`)).json();
    return Object.values(dependencies.sources).every(({ status, state }) => status === 'ok' || state === 'disabled');
  });
});

const row = (page, name) => page.locator(`[data-testid=source][data-source=${name}]`);

async function look_at_sources(page, deployment) {
  await open(page);
  await sign_up(page, deployment.email('sources'));
  await live(page);
  await go(page, 'Sources');
}

visit('every source has a row with its quote of the chosen ticker', {}, async ({ page, deployment }) => {
  await look_at_sources(page, deployment);
  const { dependencies } = await (await fetch(`${deployment.url}/health`)).json();
  const names = Object.keys(dependencies.sources);
  assert.ok(names.length >= 12, `${names}`);
  for (const name of names) await row(page, name).waitFor();
  await says(row(page, 'htx'), /^HTX.*Switched off.*its volumes are not trusted$/);
  await says(row(page, 'kraken'), /^Kraken.*Streaming.*65,000.* USD.*0\.00 %.*Counts$/);
  await says(row(page, 'binance'), /^Binance.*Streaming.*USDT.*Counts$/);
  await says(row(page, 'coingecko'), /^CoinGecko.*Polling.*Only checks the exchanges$/);
  await says(by_id(page, 'precision'), /^±0\.\d+ % · \d+ sources$/);
  await page.getByLabel('Ticker').selectOption('ETH');
  await says(row(page, 'kraken'), /3,100.* USD/);
  await go(page, 'Market');
  await says(page.locator('#chart-heading'), 'ETH');
  await says(page.locator('.precision'), /^±0\.\d+ % · \d+ sources$/);
});

visit('a source that errs or refuses says so in its row', {}, async ({ page, deployment, market }) => {
  await look_at_sources(page, deployment);
  await says(row(page, 'bybit'), /Streaming.*Counts/);
  try {
    await market.post('fault/bybit.rest', '451');
    await market.post('fault/bybit.stream', '451');
    await market.post('fault/kraken.stream', 'factor:1.1');
    await market.post('fault/bitfinex.stream', 'maintenance');
    await says(row(page, 'bybit'), /Not available from here/);
    await says(row(page, 'bitfinex'), /In maintenance, polling/);
    await says(row(page, 'kraken'), /\+10\.\d+ %.*Left out: too far from the others/);
    await until('the others to make the price', async () =>
      /^65,0/.test((await by_id(page, 'price').first().textContent()).trim()),
    );
  } finally {
    for (const door of ['bybit.rest', 'bybit.stream', 'kraken.stream', 'bitfinex.stream'])
      await market.post(`fault/${door}`, 'none');
  }
});

visit('a currency that leaves the dollar is said', {}, async ({ page, deployment, market }) => {
  await look_at_sources(page, deployment);
  await market.post('rate/USDT', '0.93');
  await says(page.locator('.market-note'), /^USDT is at 0\.93 USD/);
  await says(row(page, 'binance'), /Left out: its currency has left the dollar/);
  await says(row(page, 'coinbase'), /Counts/);
  await go(page, 'Market');
  await says(page.locator('.market-note'), /^USDT is at 0\.93 USD/);
});
