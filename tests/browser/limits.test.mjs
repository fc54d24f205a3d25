// With the limits that a server has by default a person who hurries sees no refusal.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { by_id, go, live, open, sign_up, views } from './support/page.mjs';

const { visit } = stage({ limits: true }, (deployment) => deployment.market.hold());

visit('default limits do not show', {}, async ({ visitor, page, deployment }) => {
  visitor.allow(/status of 429/);
  await open(page);
  await sign_up(page, deployment.email('hurried'));
  await live(page);
  for (let round = 0; round < 3; ++round) for (const view of views) await go(page, view);
  await go(page, 'Account');
  await page
    .getByText(/hurried-\d+@example\.com/)
    .first()
    .waitFor();
  await go(page, 'Market');
  for (const interval of ['5m', '1h', '1d', '1m'])
    await page
      .getByRole('group', { name: 'Interval' })
      .or(page.getByRole('radiogroup', { name: 'Interval' }))
      .getByText(interval, { exact: true })
      .click();
  const complaints = (await page.getByRole('alert').allTextContents()).join(' ');
  assert.ok(!/limit|429|too many/i.test(complaints), complaints);
  await by_id(page, 'price-row').first().waitFor();
});
