// What a person does on the page, by the labels they see or hear.
import assert from 'node:assert/strict';

import { settled, until } from './until.mjs';

export const views = ['Market', 'Alerts', 'Deliveries', 'Endpoints', 'Sources', 'Account'];

export const by_id = (page, id) => page.locator(`[data-testid=${id}]`);
export const price_row = (page, ticker) => page.locator(`[data-testid=price-row][data-ticker=${ticker}]`);
export const price_of = async (page, ticker) =>
  (await price_row(page, ticker).getByTestId('price').textContent()).trim();
export const alert_row = (page, id) => page.locator(`[data-testid=alert-row][data-id="${id}"]`);
export const delivery_rows = (page) => by_id(page, 'delivery-row');

// Strips a displayed number to plain digits.
export const digits = (text) => text.replaceAll(/[^0-9.]/g, '');

export async function open(page) {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Pricewire', exact: true }).waitFor();
}

// `meanwhile` runs while the keys are shown. A new account begins with the first steps; this goes on to the market.
export async function sign_up(page, email, meanwhile = () => {}) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('button', { name: 'Create account' }).click();
  const key = (await by_id(page, 'api-key').textContent()).trim();
  const secret = (await by_id(page, 'webhook-secret').textContent()).trim();
  await meanwhile();
  await page.getByRole('button', { name: 'I have saved them' }).click();
  await page.getByRole('heading', { level: 1, name: 'First steps' }).waitFor();
  await go(page, 'Market');
  return { api_key: key, webhook_secret: secret };
}

export async function sign_in(page, key, { remember = false } = {}) {
  await page.getByLabel('API key').fill(key);
  if (remember) await page.getByLabel('Remember me on this device').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(page);
}

export function says(locator, text) {
  return until(`"${text}" to be said`, async () =>
    (await locator.allTextContents()).some((said) => (text instanceof RegExp ? text.test(said) : said.trim() === text)),
  );
}

export const live = (page) => says(by_id(page, 'connection'), 'Live');

export async function go(page, view) {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: view }).click();
  await until(`the view ${view}`, () => page.url().endsWith(`#/${view.toLowerCase()}`));
  await drawn(page, view);
}

// The address changes before the view is drawn.
export const drawn = (page, view) =>
  page.locator('main').getByRole('heading', { level: 1, name: view, exact: true }).waitFor({ state: 'attached' });

// Goes to "#/alerts?ticker=ETH" in the page that is open.
export async function go_to(page, hash) {
  await page.goto(`/#/${hash}`);
  const view = /^[a-z]+/.exec(hash)[0];
  await drawn(page, view[0].toUpperCase() + view.slice(1));
}

export const is_focused = (locator) => locator.evaluate((element) => element === document.activeElement);

export async function is_signed_out(page) {
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(!kept.includes('sk_live_'), `no key is kept: ${kept}`);
}

export const found = (page) => page.getByRole('listbox', { name: 'Coins' }).getByRole('option');

// Finds a coin by the keyboard alone and opens its chart.
export async function find(page, text, ticker) {
  await page.keyboard.press('/');
  const search = page.getByRole('combobox', { name: 'Find any coin' });
  await until('the focus in the search', () => search.evaluate((element) => element === document.activeElement));
  await page.keyboard.type(text);
  const first = found(page).first();
  await until(`${ticker} to be found`, async () => (await first.textContent()).startsWith(ticker));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: ticker, exact: true }).waitFor();
}

// Opens all of the form of a new alert: on a phone it is a closed sheet, and the rest is behind "More".
export async function open_form(page) {
  await open_sheet(page);
  const more = page.locator('.more-alert');
  if (!(await more.evaluate((element) => element.open))) await more.locator('> summary').click();
  return form(page);
}

// On a phone the form is a closed sheet; an alert that has been made closes it.
export async function open_sheet(page) {
  await form(page).create.waitFor();
  const details = page.getByRole('button', { name: 'Details', exact: true });
  if (await details.isVisible()) await details.click();
}

// Creates the alert of the form, and returns it when the page has heard of it: until then the button is busy.
export async function create_alert(page, deployment, user) {
  const alerts = () => deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
  const { create } = form(page);
  const count = (await alerts()).length;
  await create.click();
  const [alert] = await until('the alert', async () => {
    const all = await alerts();
    return all.length > count && all;
  });
  await until('the page to hear of it', async () => (await create.getAttribute('aria-busy')) === null);
  return alert;
}

// Whether the price is meant is asked of those far from the present one.
export async function confirm_price(page) {
  await page.getByRole('dialog').getByRole('button', { name: 'Create alert' }).click();
}

// The form of a new alert.
export const form = (page) => {
  const draft = page.getByRole('form', { name: 'New alert' });
  return {
    price: draft.getByLabel('Price'),
    condition: draft.getByLabel('Condition'),
    url: draft.getByLabel('Webhook URL'),
    note: draft.getByLabel('Note'),
    create: draft.getByRole('button', { name: 'Create alert' }),
  };
};

// Begins an alert at a point of the chart: by the "+" beside the price axis, or with a long press.
export async function place_alert(page, at, touch = false) {
  await by_id(page, 'chart').getByRole('img').waitFor();
  if (!touch) {
    const plus = page.getByRole('button', { name: 'New alert at this price' });
    // The chart may be drawn only after the pointer came.
    await until('the "+"', async () => {
      await page.mouse.move(at.x + 1, at.y);
      await page.mouse.move(at.x, at.y);
      return plus.isVisible();
    });
    await plus.click();
  } else {
    const before = await drafted_price(page);
    const devtools = await page.context().newCDPSession(page);
    const send = (type, ...touchPoints) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints });
    await send('touchStart', at);
    await until('a price in the form', async () => ![0, before].includes(await drafted_price(page)));
    await send('touchEnd');
    await devtools.detach();
  }
}

export const drafted_price = async (page) => Number(digits(await form(page).price.inputValue()));

// Where an element is once it has come to rest: when a level appears, the chart's scale follows it.
export const resting = (page, locator) => settled(page, 'the place of an element', () => locator.boundingBox());

// A point on the chart, as fractions of its width and height.
export async function chart_point(page, x, y) {
  const chart = by_id(page, 'chart');
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  return { x: box.x + box.width * x, y: box.y + box.height * y };
}

// Whether the page scrolls sideways, which on a phone means that it does not fit.
export const overflows = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

export async function open_delivery(page, row) {
  await row.getByRole('button').click();
  await page.getByRole('region', { name: 'Delivery', exact: true }).waitFor();
}
