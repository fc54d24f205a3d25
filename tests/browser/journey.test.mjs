// From signing up to signing out, as a new user: every screen size, dark and light.
import assert from 'node:assert/strict';

import { looks, stage } from './support/browser.mjs';
import {
  alert_row,
  by_id,
  chart_point,
  create_alert,
  delivery_rows,
  drafted_price,
  go,
  is_signed_out,
  live,
  open,
  open_delivery,
  open_form,
  overflows,
  place_alert,
  price_of,
  price_row,
  resting,
  says,
  sign_up,
} from './support/page.mjs';
import { tickers } from './support/market.mjs';
import { settled, until } from './support/until.mjs';

const { visit } = stage();

// The target is on the side of the current price that its condition names.
function assert_side(alert, present) {
  assert.equal(alert.condition, alert.target_price > present ? 'gt' : 'lt');
}

async function press(page, touch, from, to) {
  if (!touch) {
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    if (to) await page.mouse.move(to.x, to.y, { steps: 8 });
    await page.mouse.up();
    return;
  }
  const devtools = await page.context().newCDPSession(page);
  const send = (type, ...touchPoints) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints });
  await send('touchStart', from);
  for (let step = 1; to && step <= 8; ++step)
    await send('touchMove', { x: from.x + ((to.x - from.x) * step) / 8, y: from.y + ((to.y - from.y) * step) / 8 });
  await send('touchEnd');
  await devtools.detach();
}

for (const { screen, scheme } of looks) {
  const touch = screen === 'narrow';
  visit(`the whole journey, ${screen} and ${scheme}`, { screen, scheme, touch }, async ({ page, deployment, market }) => {
    await market.play();
    await open(page);
    const user = await sign_up(page, deployment.email('journey'));
    assert.match(user.api_key, /^sk_live_[A-Za-z0-9_-]{43}$/);
    assert.match(user.webhook_secret, /^whsec_[A-Za-z0-9+/]+=*$/);
    await deployment.trust(user.webhook_secret);
    await live(page);

    // Prices move.
    for (const ticker of tickers) await price_row(page, ticker).waitFor();
    const seen = await price_of(page, 'BTC');
    await until('the price of BTC to move', async () => (await price_of(page, 'BTC')) !== seen);
    await says(price_row(page, 'BTC').getByTestId('age'), /live|\d/);

    // From here on the test sets the prices.
    const rates = await deployment.expect(200, 'GET', '/rates/', { key: user.api_key });
    const present = Math.round(rates.BTC);
    await market.hold({ ...rates, BTC: present });
    await until(
      'the price to be shown',
      async () => Number((await price_of(page, 'BTC')).replaceAll(/[^0-9.]/g, '')) === present,
    );
    await price_row(page, 'BTC').click();

    // The "+" beside the axis, or a long press, drafts an alert at that price.
    await place_alert(page, await chart_point(page, 0.5, 0.2), touch);
    const { condition, url, note } = await open_form(page);
    const price_in_form = () => settled(page, 'the price in the form', async () => (await drafted_price(page)) || null);
    const clicked = await price_in_form();
    assert.ok(Math.abs(clicked / present - 1) < 0.1, `${clicked} is a price on the chart`);
    await url.fill(`${deployment.hooks}/hook`);
    await note.fill('Sell half.');
    const chosen = await condition.inputValue();
    const first = await create_alert(page, deployment, user);
    assert.equal(first.target_price, clicked);
    assert.equal(first.condition, chosen);
    assert.equal(first.note, 'Sell half.');
    assert_side(first, present);
    await until('its line on the chart', async () => (await by_id(page, 'alert-line').count()) === 1);

    // A drag moves the draft.
    await place_alert(page, await chart_point(page, 0.3, 0.6), touch);
    const low = await price_in_form();
    const line = await resting(page, by_id(page, 'draft-line'));
    const from = { x: line.x + line.width * 0.3, y: line.y + line.height / 2 };
    await press(page, touch, from, { x: from.x, y: from.y - 40 });
    await until('the draft to be dragged up', async () => (await drafted_price(page)) > low);
    const dragged = await price_in_form();
    assert.equal(await url.inputValue(), `${deployment.hooks}/hook`, 'the webhook URL is remembered');
    const second = await create_alert(page, deployment, user);
    assert.equal(second.target_price, dragged);
    assert_side(second, present);
    await until('both lines on the chart', async () => (await by_id(page, 'alert-line').count()) === 2);

    await go(page, 'Alerts');
    await alert_row(page, first.id).waitFor();
    assert.equal(await alert_row(page, first.id).getAttribute('data-state'), 'active');
    // The price may pass the other target on the way.
    await alert_row(page, second.id).getByRole('button', { name: 'Delete' }).click();
    await until('the other row to disappear', async () => (await alert_row(page, second.id).count()) === 0);

    // The alert fires, and its receiver fails once.
    await deployment.receiver_post('mode', 'fail-first:1');
    const beyond = first.condition === 'gt' ? first.target_price * 1.0005 : first.target_price * 0.9995;
    await market.hold({ BTC: beyond.toFixed(2) });
    await until(
      'the alert to be shown as fired',
      async () => (await alert_row(page, first.id).getAttribute('data-state')) === 'fired',
    );
    assert.equal(await overflows(page), false, 'nothing overflows sideways');

    // Its delivery, with both attempts.
    await go(page, 'Deliveries');
    const row = delivery_rows(page).filter({ hasText: 'BTC' }).last();
    await until('the delivery to arrive', async () => (await row.getAttribute('data-state')) === 'delivered');
    const id = await row.getAttribute('data-id');
    await open_delivery(page, row);
    const attempts = page
      .getByRole('region', { name: 'Delivery', exact: true })
      .getByRole('table', { name: 'Attempts' });
    await says(attempts, /500/);
    await says(attempts, /204/);
    await until('two attempts', async () => (await attempts.getByTestId('attempt-row').count()) === 2);

    // Sent again.
    await page.getByRole('button', { name: 'Send again' }).click();
    await until('a third attempt', async () => (await attempts.getByTestId('attempt-row').count()) === 3);
    const received = await until('the webhooks', async () => {
      const all = await deployment.received(first.id);
      return all.length === 3 && all;
    });
    assert.ok(
      received.every((one) => one.signature_ok && one.webhook_id === id),
      'all three are signed and have the same id',
    );

    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await is_signed_out(page);
  });
}
