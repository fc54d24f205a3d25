// From signing in to an alert without a mouse: only Tab, arrows, Space and Enter.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { alert_row, is_focused, live, open, price_of } from './support/page.mjs';
import { until } from './support/until.mjs';

const { visit } = stage({}, (deployment) => deployment.market.hold());

// Presses Tab until `locator` has the focus, and checks that the focus is visible at each stop.
async function tab_to(page, locator, what) {
  for (let stop = 0; stop < 60; ++stop) {
    if (await locator.evaluateAll((elements) => elements.some((element) => element === document.activeElement))) return;
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return true;
      const box = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      const ringed = (each) => each.outlineStyle !== 'none' && parseFloat(each.outlineWidth) > 0;
      return (ringed(style) || style.boxShadow !== 'none' || ringed(getComputedStyle(element.parentElement))) &&
        box.width > 0
        ? true
        : element.outerHTML.slice(0, 200);
    });
    assert.equal(seen, true, 'the focus is visible');
  }
  assert.fail(`Tab does not reach ${what}`);
}

visit('the keyboard suffices from signing in to an alert', {}, async ({ page, deployment }) => {
  const user = await deployment.register('keyboard');
  await open(page);
  await tab_to(page, page.getByLabel('API key'), 'API key');
  await page.keyboard.type(user.api_key);
  await tab_to(page, page.getByLabel('Remember me on this device'), 'Remember me');
  await page.keyboard.press('Space');
  assert.equal(await page.getByLabel('Remember me on this device').isChecked(), true);
  await tab_to(page, page.getByRole('button', { name: 'Sign in' }), 'Sign in');
  await page.keyboard.press('Enter');
  await live(page);
  await until('a price', async () => (await price_of(page, 'BTC')) === '65,000');

  const draft = page.getByRole('form', { name: 'New alert' });
  await tab_to(page, draft.getByLabel('Price'), 'Price');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('64000');
  // The line it drew also moves with the arrow keys, and announces its value.
  const line = page.getByRole('slider', { name: 'New alert line' });
  await line.waitFor();
  await tab_to(page, line, 'the line on the chart');
  await page.keyboard.press('ArrowDown');
  const lowered = await until('the line to move', async () => {
    const at = Number(await line.getAttribute('aria-valuenow'));
    return at < 64000 && at;
  });
  await until('the price in the form', async () => Number(await draft.getByLabel('Price').inputValue()) === lowered);
  await until('the line in words', async () => /below/.test(await line.getAttribute('aria-valuetext')));
  await tab_to(page, draft.getByLabel('Price'), 'Price');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('64000.5');
  await tab_to(page, draft.getByLabel('Webhook URL'), 'Webhook URL');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(`${deployment.hooks}/keyboard`);
  await tab_to(page, draft.getByRole('button', { name: 'Create alert' }), 'Create alert');
  await page.keyboard.press('Enter');
  const [alert] = await until('the alert', async () => {
    const alerts = await deployment.expect(200, 'GET', '/alerts/', { key: user.api_key });
    return alerts.length && alerts;
  });
  assert.equal(alert.target_price, 64000.5);
  assert.equal(alert.condition, 'lt', 'from the side of the current price');
  assert.equal(alert.is_active, true);

  // The focus follows to another view.
  await tab_to(
    page,
    page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Alerts' }),
    'the view of alerts',
  );
  await page.keyboard.press('Enter');
  const heading = page.getByRole('heading', { level: 1, name: 'Alerts' });
  await until('the focus on its heading', () => is_focused(heading));
  assert.match(page.url(), /#\/alerts$/);
  await alert_row(page, alert.id).waitFor();
  await tab_to(page, page.getByRole('button', { name: 'Delete' }), 'Delete');
});
