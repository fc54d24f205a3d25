// Alerts of every kind on the page: said in words, with their state; edited, snoozed, paused, deleted and made again.
import assert from 'node:assert/strict';

import { axe_findings, stage } from './support/browser.mjs';
import { alert_row, by_id, go, open, overflows, says, sign_in } from './support/page.mjs';
import { until } from './support/until.mjs';

// One source, so that the test decides when a ticker has no price.
const off = 'BINANCE_US COINBASE KRAKEN OKX BYBIT BITSTAMP BITFINEX GEMINI KUCOIN GATEIO HTX CRYPTO_COM BITGET MEXC';
const config = Object.fromEntries(
  `${off} COINGECKO COINPAPRIKA`.split(' ').map((name) => [`PRICEWIRE_SOURCES_${name}_ENABLED`, 'false']),
);
const { visit } = stage({ config: { ...config, PRICEWIRE_MARKET_QUOTE_TTL: '2s' } }, (deployment) =>
  deployment.market.hold(),
);

const kinds = [
  { is: 'crosses', level: 70000 },
  { is: 'outside', level: [60000, 70000] },
  { is: 'outside', level: [{ from: 'start', by: '-5%' }, { from: 'start', by: '5%' }] },
  { is: 'crosses_up', level: { from: 'low', over: '1h', by: '5%' } },
  { is: 'below', level: { from: 'high', by: '-3%' } },
  { is: 'above', level: { from: 'high', over: '24h' } },
  { watch: { close: '1h' }, is: 'above', level: 70000 },
  { watch: { ratio_to: 'ETH' }, is: 'above', level: 40 },
  { watch: 'age', is: 'above', level: '60s' },
  { all: [{ is: 'above', level: 70000 }, { ticker: 'ETH', is: 'below', level: 2500 }] },
  { any: [{ is: 'above', level: 70000 }, { is: 'below', level: 60000 }] },
];

const alert_of = async (deployment, user, id) =>
  deployment.expect(200, 'GET', `/alerts/${id}`, { key: user.api_key });

async function sign_in_to_alerts(page, user) {
  await open(page);
  await sign_in(page, user.api_key);
  await go(page, 'Alerts');
}

const dialog = (page) => page.getByRole('dialog');

async function edit(page, id) {
  await alert_row(page, id).getByRole('button', { name: 'Edit' }).click();
  await dialog(page).waitFor();
  // The server has said why it has not fired.
  await until('the reason', async () => !/Asking/.test(await dialog(page).getByRole('status').textContent()));
}

for (const screen of ['narrow', 'wide'])
  visit(`every kind of alert is said in words, ${screen}`, { screen }, async ({ page, deployment }) => {
    const user = await deployment.register('kinds');
    const alerts = [];
    for (const when of kinds)
      alerts.push(
        await deployment.alert(user, { when, ...(when.watch === 'age' ? {} : { repeat: { cooldown: '15m' } }) }),
      );
    await sign_in_to_alerts(page, user);
    for (const alert of alerts) {
      const row = alert_row(page, alert.id);
      await row.waitFor();
      const said = (await row.getByRole('rowheader').textContent()).replaceAll(/[▲▼]\s*/g, '').replaceAll(/\s+/g, ' ');
      assert.equal(said.trim(), alert.says.replaceAll(/\s+/g, ' '));
      assert.equal(said.includes('null') || said.includes('undefined') || said.includes('[object'), false);
    }
    assert.equal(await overflows(page), false);
    assert.deepEqual(await axe_findings(page), []);
    await edit(page, alerts[1].id);
    assert.equal(await dialog(page).getByLabel('Lower level').inputValue(), '60000');
    assert.deepEqual(await axe_findings(page), []);
  });

visit('an alert is edited, snoozed, paused and begun again', {}, async ({ visitor, page, deployment }) => {
  const user = await deployment.register('editor');
  const plain = await deployment.alert(user, { condition: 'gt', target_price: 70000, note: 'Sell' });
  const trailing = await deployment.alert(user, { when: { is: 'below', level: { from: 'high', by: '-3%' } } });
  await sign_in_to_alerts(page, user);

  await edit(page, plain.id);
  await dialog(page).getByLabel('Level').fill('71000.5');
  await dialog(page).getByLabel('Note').fill('Sell half');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await until('the dialog to close', async () => (await dialog(page).count()) === 0);
  const changed = await alert_of(deployment, user, plain.id);
  assert.deepEqual([changed.target_price, changed.note, changed.is_active], [71000.5, 'Sell half', true]);
  await says(alert_row(page, plain.id).getByRole('rowheader'), /71,000\.5/);

  await edit(page, trailing.id);
  await dialog(page).getByLabel('Level: change').fill('-4%');
  await dialog(page).getByLabel('Fires').selectOption('every time');
  await dialog(page).getByLabel('Not again within').fill('10m');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await until('the dialog to close', async () => (await dialog(page).count()) === 0);
  const repeats = await alert_of(deployment, user, trailing.id);
  assert.equal(repeats.when.level.by, '-4%');
  assert.equal(repeats.repeat.cooldown, '10m');
  assert.equal(repeats.revision, trailing.revision + 1);

  visitor.allow(/status of 422/);
  await edit(page, trailing.id);
  await dialog(page).getByLabel('Level: change').fill('4 percent');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await until('the mistake', async () => (await dialog(page).getByLabel('Level: change').getAttribute('aria-invalid')) === 'true');
  await dialog(page).getByLabel('Level: change').fill('-4%');

  await dialog(page).getByRole('button', { name: 'Snooze 1 h' }).click();
  await says(alert_row(page, trailing.id).locator('.badge'), /^Snoozed until/);
  await dialog(page).getByRole('button', { name: 'End snooze' }).click();
  await says(alert_row(page, trailing.id).locator('.badge'), 'Active');
  await dialog(page).getByRole('button', { name: 'Pause' }).click();
  await says(alert_row(page, trailing.id).locator('.badge'), 'Paused');
  assert.equal((await alert_of(deployment, user, trailing.id)).is_active, false);
  await dialog(page).getByRole('button', { name: 'Resume' }).click();
  await says(alert_row(page, trailing.id).locator('.badge'), 'Active');
  await dialog(page).getByRole('button', { name: 'Close' }).click();

  await alert_row(page, trailing.id).getByRole('button', { name: 'Delete' }).click();
  await until('it to be gone', async () => (await alert_row(page, trailing.id).count()) === 0);
  // Pausing and snoozing have one too.
  await page.locator('.toast', { hasText: 'Deleted' }).getByRole('button', { name: 'Undo' }).click();
  const again = await until('it to be made again', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.find((alert) => alert.id !== plain.id);
  });
  assert.deepEqual([again.when, again.repeat], [repeats.when, repeats.repeat]);
  await alert_row(page, again.id).waitFor();
});

visit('each firing of an alert that repeats is told once, with its number', {}, async ({ page, deployment, market }) => {
  const user = await deployment.register('repeats');
  await market.hold({ BTC: '65000' });
  const alert = await deployment.alert(user, {
    when: { is: 'above', level: 66000 },
    repeat: { cooldown: '10s', rearm: '0%' },
  });
  await sign_in_to_alerts(page, user);
  await market.hold({ BTC: '66001' });
  await says(alert_row(page, alert.id).locator('.badge'), 'Active, fired once');
  await market.hold({ BTC: '65000' });
  await until('the price below', async () => (await deployment.api('GET', '/rates/', { key: user.api_key })).body.BTC === 65000);
  // A change made elsewhere is shown here.
  await deployment.expect(200, 'PATCH', `/alerts/${alert.id}`, { key: user.api_key, body: { note: 'from elsewhere' } });
  await says(alert_row(page, alert.id).locator('.note'), 'from elsewhere');
  await market.hold({ BTC: '66002' });
  await says(alert_row(page, alert.id).locator('.badge'), 'Active, fired 2 times');
  await edit(page, alert.id);
  const firings = dialog(page).getByRole('list', { name: 'Firings' }).getByRole('listitem');
  await until('both firings', async () => (await firings.count()) === 2);
});

visit('a ticker without a price is named once, not at each of its alerts', {}, async ({ page, deployment, market }) => {
  const user = await deployment.register('blind');
  await market.hold();
  for (const level of [70000, 71000, 72000]) await deployment.alert(user, { when: { is: 'crosses_up', level } });
  await sign_in_to_alerts(page, user);
  await market.post('fault/binance.rest', '503');
  await market.release();
  const line = page.getByRole('list', { name: 'Without a price' }).getByRole('listitem');
  await says(line, /^BTC: no price since .*3 alerts wait\.$/);
  assert.equal(await line.count(), 1);
  await says(by_id(page, 'alert-row').locator('.badge'), 'Waiting for a price');
  await market.post('fault/binance.rest', 'none');
  await market.hold();
  await until('the line to go', async () => (await line.count()) === 0);
});
