// What a person enters or reads is never another number or another day.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import {
  by_id,
  chart_point,
  confirm_price,
  create_alert,
  drafted_price,
  form,
  open,
  open_form,
  place_alert,
  price_of,
  says,
  sign_in,
} from './support/page.mjs';
import { frames, until } from './support/until.mjs';

const { visit } = stage({}, (deployment) => deployment.market.hold());

const message_of = (field) =>
  field.evaluate((element) =>
    (element.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id)?.textContent ?? '')
      .join(' '),
  );

async function enter(page, deployment) {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
  return user;
}

// Passes the server's messages on; the page gets those that `keep` accepts after release(), and what push() sends.
async function hold_stream(page, keep) {
  const kept = [];
  let open = false;
  let to_page;
  await page.routeWebSocket(/\/api\/v1\/stream/, (socket) => {
    to_page = socket;
    socket.connectToServer().onMessage((message) => {
      if (open || !keep(JSON.parse(message))) socket.send(message);
      else kept.push(message);
    });
  });
  return {
    push: (message) => to_page.send(JSON.stringify(message)),
    release() {
      open = true;
      for (const message of kept) to_page.send(message);
    },
  };
}

visit('a price that could be two numbers is refused at its field; others are read as they are meant', {}, async ({
  page,
  deployment,
}) => {
  const user = await enter(page, deployment);
  const { price, url, create } = form(page);
  await url.fill(`${deployment.hooks}/hook`);
  for (const [text, told] of [
    ['1,234', /1234 or 1\.234/],
    ['12 34', /as a number/],
    ['1.2.3', /as a number/],
    ['1e5', /as a number/],
    ['+5', /as a number/],
    ['-5', /as a number/],
    ['٦٥', /as a number/],
    ['１２３', /as a number/],
    ['0x10', /as a number/],
    ['\u202e123', /as a number/],
  ]) {
    await price.fill(text);
    await frames(page);
    assert.equal(await by_id(page, 'draft-line').isVisible(), false, `${text} is drawn nowhere`);
    await price.press('ArrowUp');
    assert.equal(await price.inputValue(), text, 'it is corrected by the person, not by an arrow key');
    await create.click();
    await until(`the mistake in ${text}`, async () => (await price.getAttribute('aria-invalid')) === 'true');
    await until(`what is wrong with ${text}`, async () => told.test(await message_of(price)));
  }
  assert.deepEqual(await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key }), []);
  for (const [text, target] of [
    ['66,420.5', 66420.5],
    ['65420,15', 65420.15],
    ['70.000,50', 70000.5],
    ['71 000,5', 71000.5],
    ['72,000', 72000],
    ['$73000', 73000],
    ['74k', 74000],
    ["75'000.25", 75000.25],
  ]) {
    await price.fill(text);
    const alert = await create_alert(page, deployment, user);
    assert.deepEqual([alert.ticker, alert.target_price], ['BTC', target], text);
  }
});

visit('a price far from the present one is asked about once', {}, async ({ page, deployment }) => {
  const user = await enter(page, deployment);
  const { price, url, create } = form(page);
  await url.fill(`${deployment.hooks}/hook`);
  await price.fill('999999999999');
  await create.click();
  await says(page.getByRole('dialog').getByRole('paragraph'), /999,999,999,999 is \+\d+ % from the present price of BTC, 65,000/);
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await until('the dialog to close', async () => (await page.getByRole('dialog').count()) === 0);
  assert.equal(await price.inputValue(), '999999999999');
  assert.deepEqual(await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key }), []);
  await price.fill('32000');
  await create.click();
  await confirm_price(page);
  await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts[0]?.target_price === 32000;
  });
});

visit('a price entered while an alert is being created is kept', {}, async ({ page, deployment }) => {
  const user = await enter(page, deployment);
  let answer;
  const answered = new Promise((resolve) => (answer = resolve));
  await page.route('**/api/v1/alerts/', async (route) => {
    if (route.request().method() === 'POST') await answered;
    await route.continue();
  });
  const { price, url, create } = form(page);
  await url.fill(`${deployment.hooks}/hook`);
  await price.fill('70000');
  await create.click();
  await price.fill('71000');
  answer();
  await page.getByText(/Alert created/).waitFor();
  assert.equal(await price.inputValue(), '71000');
});

visit('a German writes a decimal comma', { locale: 'de-DE' }, async ({ page, deployment }) => {
  const user = await deployment.register();
  await open(page);
  await sign_in(page, user.api_key);
  await until('a price', async () => (await price_of(page, 'DOGE')) === '0.1423');
  await page.getByRole('button', { name: 'DOGE', exact: true }).click();
  const { price, url, create } = form(page);
  await url.fill(`${deployment.hooks}/hook`);
  await price.fill('1,234');
  await create.click();
  await until('the mistake', async () => (await price.getAttribute('aria-invalid')) === 'true');
  await price.fill('0,123');
  await create.click();
  const [alert] = await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.length && alerts;
  });
  assert.equal(alert.target_price, 0.123);
});

visit('what was entered before the first prices is kept', {}, async ({ page, deployment }) => {
  const user = await deployment.register();
  const stream = await hold_stream(page, (message) => message.type === 'prices');
  await open(page);
  await sign_in(page, user.api_key);
  const { price, url, note, create } = await open_form(page);
  await price.fill('70000');
  await url.fill(`${deployment.hooks}/hook`);
  await note.fill('kept');
  await create.click();
  await until('to be told to wait', async () =>
    /wait for the first prices/.test((await page.getByRole('alert').allTextContents()).join()),
  );
  stream.release();
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');
  assert.equal(await price.inputValue(), '70000');
  assert.equal(await note.inputValue(), 'kept');
  await create.click();
  const [alert] = await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.length && alerts;
  });
  assert.deepEqual([alert.ticker, alert.target_price, alert.note], ['BTC', 70000, 'kept']);
});

for (const screen of ['wide', 'narrow']) {
  visit(`no new price moves a button that is being pressed, ${screen}`, { screen }, async ({ page, deployment }) => {
    const user = await deployment.register();
    const stream = await hold_stream(page, (message) => message.type === 'prices');
    await open(page);
    await sign_in(page, user.api_key);
    const { price, create } = await open_form(page);
    await price.fill('70000');
    const time = new Date().toISOString();
    const places = new Set();
    for (const present of [null, '65000', '80000', '69999.99999999', null]) {
      stream.push({ type: 'prices', prices: { BTC: present === null ? null : { price: present, time } } });
      const shown = present === null ? /waits for one/ : present === '80000' ? /Already|away/ : /away/;
      await until(`the hint about ${present}`, async () => shown.test(await message_of(price)));
      // Both at one moment: what is above them may still be loading.
      const input = await price.elementHandle();
      places.add(await create.evaluate((b, i) => b.getBoundingClientRect().y - i.getBoundingClientRect().y, input));
    }
    assert.equal(places.size, 1, [...places].join());
  });
}

visit('no new price moves the draft that is held', { screen: 'wide' }, async ({ page, deployment }) => {
  const user = await deployment.register();
  const stream = await hold_stream(page, (message) => message.type === 'prices');
  await open(page);
  await sign_in(page, user.api_key);
  const time = new Date().toISOString();
  const show_price = async (price) => {
    stream.push({ type: 'prices', prices: { BTC: { price, time } } });
    await until(`the price ${price}`, async () => (await price_of(page, 'BTC')).replaceAll(',', '') === price);
  };
  await show_price('65000');
  await place_alert(page, await chart_point(page, 0.3, 0.3));
  const label = await by_id(page, 'draft-line').locator('.line-label').boundingBox();
  await page.mouse.move(label.x + 10, label.y + label.height / 2);
  await page.mouse.down();
  const held = await until('a price in the form', () => drafted_price(page));
  // Without the pointer on it the chart would show both prices.
  await show_price('80000');
  await page.mouse.up();
  assert.equal(await drafted_price(page), held);
});

for (const zone of ['America/Los_Angeles', 'Pacific/Kiritimati']) {
  visit(`daily bars are days of UTC and keep their digits, in ${zone}`, { zone }, async ({ page, deployment }) => {
    const user = await deployment.register();
    const today = new Date().toISOString().slice(0, 10);
    const bar = { time: `${today}T00:00:00Z`, open: 0.00001234, high: 0.0000125, low: 4.5e-7, close: 0.0000124 };
    await page.route(/\/history\?interval=1d/, (route) =>
      route.fulfill({
        contentType: 'application/json',
        body: `{"bars":[{"time":"${bar.time}","open":0.00001234,"high":0.0000125,"low":0.00000045,"close":0.0000124}]}`,
      }),
    );
    // Without prices of the present, whose digits could be borrowed.
    const stream = await hold_stream(page, (message) => message.type === 'prices');
    await open(page);
    await sign_in(page, user.api_key);
    stream.push({ type: 'prices', prices: { BTC: null } });
    await page.getByRole('group', { name: 'Interval' }).getByRole('button', { name: '1d' }).click();
    const readout = page.locator('.readout');
    await until('the bar', async () => (await readout.textContent()).includes('C 0.00001240'));
    const [year, month, day] = today.split('-').map(Number);
    const name = new Date(Date.UTC(year, month - 1, day)).toLocaleString('en', { month: 'short', timeZone: 'UTC' });
    const text = await readout.textContent();
    assert.ok(text.startsWith(`${day} ${name} ${year} UTC`), text);
    assert.match(text, /H 0\.00001250 +L 0\.00000045 +C 0\.00001240/);
    await until('the bar in words', async () =>
      /opened at 0\.00001234, low 0\.00000045,/.test(
        await by_id(page, 'chart').getByRole('img').getAttribute('aria-label'),
      ),
    );
  });
}
