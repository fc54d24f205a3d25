// The server restarts: the page shows it, reconnects by itself, and catches up on what happened meanwhile.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { alert_row, by_id, delivery_rows, digits, go, live, open, price_of, says, sign_in } from './support/page.mjs';
import { until } from './support/until.mjs';

const { visit } = stage({}, (deployment) => deployment.market.hold());

for (const signal of ['SIGTERM', 'SIGKILL']) {
  visit(
    `the page shows a restart after ${signal}, reconnects and catches up`,
    {},
    async ({ visitor, page, deployment, market }) => {
      // What Chromium logs while the server is down.
      visitor.allow(
        /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|ERR_INCOMPLETE_CHUNKED_ENCODING/,
        /WebSocket connection to .* failed/,
        /status of 503/,
      );
      await market.hold({ BTC: '65000' });
      const user = await deployment.register('restart');
      const alert = await deployment.alert(user, { condition: 'gt', target_price: 65100 });
      await open(page);
      await sign_in(page, user.api_key);
      await go(page, 'Alerts');
      await alert_row(page, alert.id).waitFor();

      const states = [];
      await page.exposeFunction('noteState', (state) => states.push(state.trim()));
      await by_id(page, 'connection')
        .first()
        .evaluate((element) => {
          new MutationObserver(() => window.noteState(element.textContent)).observe(element, {
            childList: true,
            characterData: true,
            subtree: true,
          });
        });
      await deployment.pricewire.stop(signal);
      await says(by_id(page, 'connection'), 'Reconnecting…');
      assert.equal(await alert_row(page, alert.id).count(), 1, 'known state is still shown');

      // The price crosses the target while the server is down, and stays there.
      await market.hold({ BTC: '65200' });
      await deployment.start_pricewire();
      await live(page);
      assert.ok(states.includes('Reconnecting…'));
      await until(
        'the alert to be shown as fired',
        async () => (await alert_row(page, alert.id).getAttribute('data-state')) === 'fired',
      );
      await go(page, 'Deliveries');
      await until(
        'its delivery',
        async () => (await delivery_rows(page).first().getAttribute('data-state')) === 'delivered',
      );
      await go(page, 'Market');
      await until('prices to resume', async () => Number(digits(await price_of(page, 'BTC'))) === 65200);
      await market.hold({ BTC: '65201.5' });
      await until('prices to move', async () => Number(digits(await price_of(page, 'BTC'))) === 65201.5);
    },
  );
}
