// With the default limits, a fast user sees no refusal.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { by_id, go, live, open, sign_up, views } from './support/page.mjs';
import { pause, until } from './support/until.mjs';

const { visit } = stage({ limits: true }, (deployment) => deployment.market.hold());

// Records every refusal that the page shows, even briefly.
function keep_complaints() {
  window.complaints = [];
  new MutationObserver(() => {
    for (const place of document.querySelectorAll('[role=alert], #toasts, .chart-empty, .empty')) {
      const text = place.textContent;
      if (/limit|429|too many/i.test(text) && !window.complaints.includes(text)) window.complaints.push(text);
    }
  }).observe(document, { childList: true, characterData: true, subtree: true });
}

visit('default limits are not visible', { before: [keep_complaints] }, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of 429/);
  const answered = new Set();
  let refusals = 0;
  page.on('response', (response) => {
    if (response.status() === 429) ++refusals;
    const { pathname, searchParams } = new URL(response.url());
    if (response.ok()) answered.add(`${pathname} ${searchParams.get('interval') ?? ''} ${searchParams.get('limit')}`);
  });
  const loaded = (what) => until(`${what} to be loaded`, () => answered.has(what));
  await open(page);
  const user = await sign_up(page, deployment.email('hurried'));
  await live(page);
  for (const view of views) await go(page, view);
  // Another client of the same user, so that the page meets the limit however slow it is.
  const spending = (async () => {
    while (refusals === 0 && !page.isClosed()) {
      await deployment.api('GET', '/users/me', { key: user.api_key });
      await pause(20);
    }
  })();
  await until('the server to refuse something', async () => {
    await go(page, 'Sources');
    await go(page, 'Account');
    return refusals > 0;
  });
  await spending;
  assert.deepEqual(await page.evaluate(() => window.complaints), []);
  await page
    .getByText(/hurried-\d+@example\.com/)
    .first()
    .waitFor();
  await go(page, 'Endpoints');
  await page.getByText('None yet: the webhook URLs').waitFor();
  await go(page, 'Market');
  const intervals = ['5m', '1h', '1d', '1m'];
  for (const interval of intervals)
    await page
      .getByRole('group', { name: 'Interval' })
      .or(page.getByRole('radiogroup', { name: 'Interval' }))
      .getByText(interval, { exact: true })
      .click();
  await by_id(page, 'price-row').first().waitFor();
  const ticker = await by_id(page, 'price-row').first().getAttribute('data-ticker');
  for (const interval of intervals) await loaded(`/api/v1/rates/${ticker}/history ${interval} 500`);
  await page.locator('.chart-empty').waitFor({ state: 'hidden' });
  for (const view of ['Alerts', 'Deliveries']) {
    await go(page, view);
    const empty = page.locator('main .empty');
    await until(`the list of ${view}`, async () => !/Loading/.test((await empty.allTextContents()).join()));
  }
  assert.deepEqual(await page.evaluate(() => window.complaints), []);
});
