// The chart as one lives in it: moved, zoomed, scrolled back, and with alerts that can be taken hold of.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { axe_findings, screens, stage } from './support/browser.mjs';
import {
  by_id,
  chart_point,
  create_alert,
  drafted_price,
  form,
  go,
  is_focused,
  open,
  open_form,
  open_sheet,
  overflows,
  place_alert,
  resting,
  says,
  sign_in,
} from './support/page.mjs';
import { output } from './support/programs.mjs';
import { frames, settled, until } from './support/until.mjs';

const { visit } = stage({ history: true }, (deployment) => deployment.market.sway());

async function enter(page, deployment, alerts = []) {
  const user = await deployment.register('chart');
  const made = [];
  for (const alert of alerts) made.push(await deployment.alert(user, alert));
  await open(page);
  await sign_in(page, user.api_key);
  await by_id(page, 'chart').getByRole('img').waitFor();
  await until('the bars', async () => !(await page.locator('.chart-empty').isVisible()));
  return { user, made };
}

const readout = (page) => page.locator('.readout').textContent();
const line = (page, id) => page.locator(`[data-testid=alert-line][data-id="${id}"]`);
const label_box = (page, id) => resting(page, line(page, id).locator('.line-label').first());
const alert_of = (deployment, user, id) => deployment.expect(200, 'GET', `/alerts/${id}`, { key: user.api_key });

async function drag(page, from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 6 });
  await page.mouse.up();
}

// The time of the bar under a point.
async function time_at(page, at) {
  await page.mouse.move(at.x + 3, at.y);
  await page.mouse.move(at.x, at.y);
  return settled(page, 'the time', async () => (await readout(page)).slice(0, 16));
}

visit('a drag moves the chart and makes no alert; a key brings it back', {}, async ({ page, deployment }) => {
  await enter(page, deployment);
  const [left, right] = [await chart_point(page, 0.2, 0.5), await chart_point(page, 0.7, 0.5)];
  const before = await time_at(page, left);
  await drag(page, left, right);
  await until('older bars in sight', async () => (await time_at(page, left)) !== before);
  assert.equal(await drafted_price(page), 0);
  assert.equal(await by_id(page, 'draft-line').count(), 0);
  const now = page.getByRole('button', { name: 'Back to now' });
  await now.waitFor();
  await now.click();
  await until('the present', async () => !(await now.isVisible()));
  // The same by the keyboard.
  await by_id(page, 'chart').focus();
  for (let i = 0; i < 4; ++i) await page.keyboard.press('ArrowLeft');
  await now.waitFor();
  await page.keyboard.press('Home');
  await until('the present', async () => !(await now.isVisible()));
});

visit('each step of the zoom changes the picture, and the wheel does too', {}, async ({ page, deployment }) => {
  await enter(page, deployment);
  const at = await chart_point(page, 0.1, 0.5);
  const seen = [await time_at(page, at)];
  for (let i = 0; i < 3; ++i) {
    await page.getByRole('button', { name: 'Show fewer bars' }).click();
    seen.push(
      await until('other bars', async () => {
        const time = await time_at(page, at);
        return time !== seen.at(-1) && time;
      }),
    );
  }
  // One turn may move the bar by less than its width.
  await until('the wheel to zoom', async () => {
    await page.mouse.move(at.x + 200, at.y);
    await page.mouse.wheel(0, 600);
    return (await time_at(page, at)) !== seen[3];
  });
  assert.equal(new Set(seen).size, seen.length, seen.join());
});

visit('scrolled back, it loads older bars', {}, async ({ page, deployment }) => {
  const older = [];
  page.on('request', (request) => /history\?.*&to=/.test(request.url()) && older.push(request.url()));
  await enter(page, deployment);
  await time_at(page, await chart_point(page, 0.3, 0.5));
  await says(page.locator('.readout'), / V \d/);
  await by_id(page, 'chart').focus();
  await until('older bars to be asked for', async () => {
    await page.keyboard.press('PageUp');
    return older.length > 0;
  });
  const first = older[0];
  await until('still older ones', async () => {
    await page.keyboard.press('PageUp');
    return older.some((url) => url !== first);
  });
});

visit(
  '15m and 4h are combined from what the server has; volume and a logarithmic scale are remembered',
  {},
  async ({ page, deployment }) => {
    const { user } = await enter(page, deployment);
    for (const [interval, length] of [
      ['4h', 14400],
      ['15m', 900],
    ]) {
      await page.getByRole('group', { name: 'Interval' }).getByRole('button', { name: interval, exact: true }).click();
      const base = interval === '4h' ? '1h' : '5m';
      const path = `/rates/BTC/history?interval=${base}&limit=20`;
      await until(`the bar of ${interval}`, async () => {
        const { bars } = await deployment.expect(200, 'GET', path, { key: user.api_key });
        const of = (bar) => Math.floor(Date.parse(bar.time) / 1000 / length);
        const opened = bars.find((bar) => of(bar) === of(bars.at(-1))).open;
        const said = await by_id(page, 'chart').getByRole('img').getAttribute('aria-label');
        return said.includes(`, ${interval} bars:`) && said.includes(`opened at ${opened},`);
      });
    }
    const tools = page.getByRole('group', { name: 'Tools' });
    await tools.getByRole('button', { name: 'Log' }).click();
    await tools.getByRole('button', { name: 'Vol' }).click();
    await page.reload();
    await by_id(page, 'chart').getByRole('img').waitFor();
    assert.equal(await tools.getByRole('button', { name: 'Log' }).getAttribute('aria-pressed'), 'true');
    assert.equal(await tools.getByRole('button', { name: 'Vol' }).getAttribute('aria-pressed'), 'false');
  },
);

visit(
  'a swipe moves the chart, and a pinch zooms it',
  { screen: 'narrow', touch: true },
  async ({ page, deployment }) => {
    await enter(page, deployment);
    const at = await chart_point(page, 0.4, 0.5);
    const devtools = await page.context().newCDPSession(page);
    const send = (type, ...points) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints: points });
    const finger = (id, dx) => ({ id, x: at.x + dx, y: at.y });
    // Not awaited, so that on a slow machine too the finger moves before it has rested long enough to place an alert.
    const begun = [send('touchStart', finger(0, -60)), send('touchMove', finger(0, -40))];
    await Promise.all(begun);
    for (let dx = -40; dx <= 80; dx += 10) await send('touchMove', finger(0, dx));
    await send('touchEnd');
    await page.getByRole('button', { name: 'Back to now' }).waitFor();
    assert.equal(await drafted_price(page), 0, 'a swipe places nothing');
    await until('pinches to show as many bars as can be', async () => {
      await send('touchStart', finger(0, -90), finger(1, 90));
      for (let dx = 90; dx >= 10; dx -= 8) await send('touchMove', finger(0, -dx), finger(1, dx));
      await send('touchEnd');
      return page.getByRole('button', { name: 'Show more bars' }).isDisabled();
    });
  },
);

visit('times are those of the chosen zone', { zone: 'America/New_York' }, async ({ page, deployment }) => {
  const { user } = await enter(page, deployment);
  const zone = page.locator('.chart-zone');
  await says(zone, /^UTC−[45]$/);
  const hour = () =>
    until('the time', async () => (await readout(page)).match(/ (\d\d):\d\d/)).then(([, hours]) => Number(hours));
  const there = await hour();
  await zone.click();
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await go(page, 'Market');
  await says(zone, 'UTC+9');
  // An hour may have passed.
  const apart = ((await hour()) - there + 24) % 24;
  assert.ok([13, 14, 15].includes(apart), `${apart} hours apart`);
  await page.getByRole('group', { name: 'Interval' }).getByRole('button', { name: '1d', exact: true }).click();
  await says(zone, 'UTC');
  const { price, url } = await open_form(page);
  await price.fill('70000');
  await url.fill(`${deployment.hooks}/hook`);
  const until_field = page.getByRole('form', { name: 'New alert' }).getByLabel('Until');
  await until_field.fill('2099-01-01T09:00');
  const alert = await create_alert(page, deployment, user);
  assert.equal(alert.expires_at, '2099-01-01T00:00:00Z');
});

visit('a line is dragged to another price, and back by Undo', {}, async ({ page, deployment }) => {
  const { user, made } = await enter(page, deployment, [{ condition: 'gt', target_price: 65200 }]);
  const [alert] = made;
  const box = await label_box(page, alert.id);
  const from = { x: box.x + 12, y: box.y + box.height / 2 };
  await drag(page, from, { x: from.x, y: from.y - 30 });
  const moved = await until('the alert to be moved', async () => {
    const { target_price } = await alert_of(deployment, user, alert.id);
    return target_price > 65200 && target_price;
  });
  await says(line(page, alert.id).locator('.line-label'), new RegExp(moved.toLocaleString('en').slice(0, 6)));
  assert.equal(await page.getByRole('dialog').count(), 0, 'a drag opens nothing');
  await page.getByRole('button', { name: 'Undo' }).click();
  await until('the alert to be back', async () => (await alert_of(deployment, user, alert.id)).target_price === 65200);
});

visit(
  'a line is moved by arrow keys, paused, explained and deleted from its popover',
  {},
  async ({ page, deployment }) => {
    const { user, made } = await enter(page, deployment, [{ condition: 'lt', target_price: 64800, note: 'Buy' }]);
    const [alert] = made;
    await line(page, alert.id).waitFor();
    const slider = page.getByRole('slider', { name: /^Alert: BTC below 64,800/ });
    await slider.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const lowered = await until('the alert to be lowered', async () => {
      const { target_price } = await alert_of(deployment, user, alert.id);
      return target_price < 64800 && target_price;
    });
    await until(
      'its value to be announced',
      async () => Number(await line(page, alert.id).getAttribute('aria-valuenow')) === lowered,
    );
    await line(page, alert.id).focus();
    await page.keyboard.press('Enter');
    const popover = page.getByRole('dialog');
    await popover.waitFor();
    assert.deepEqual(await axe_findings(page), []);
    await popover.getByRole('button', { name: 'Why?' }).click();
    await says(popover.getByRole('status'), /^BTC is .* above/);
    await popover.getByRole('button', { name: 'Snooze 1 h' }).click();
    await until('the snooze', async () => (await alert_of(deployment, user, alert.id)).status === 'snoozed');
    await popover.getByRole('button', { name: 'End snooze' }).click();
    await until('its end', async () => (await alert_of(deployment, user, alert.id)).status === 'active');
    await page.keyboard.press('Escape');
    await until('the popover to close', async () => (await popover.count()) === 0);
    await until('the focus on the line', () => is_focused(line(page, alert.id)));
    await page.keyboard.press('Delete');
    await until('the line to go', async () => (await line(page, alert.id).count()) === 0);
  },
);

visit('a line that would fire where it is dropped is asked about, and goes back', {}, async ({ page, deployment }) => {
  const { user, made } = await enter(page, deployment, [{ condition: 'gt', target_price: 65100 }]);
  const [alert] = made;
  const box = await label_box(page, alert.id);
  const from = { x: box.x + 12, y: box.y + box.height / 2 };
  const chart = await by_id(page, 'chart').boundingBox();
  await drag(page, from, { x: from.x, y: chart.y + chart.height - 60 });
  await says(page.getByRole('dialog').getByRole('paragraph'), /^BTC is above .* already/);
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await says(line(page, alert.id).locator('.line-label'), '▲ 65,100');
  assert.equal((await alert_of(deployment, user, alert.id)).target_price, 65100);
  // The list beside the chart opens the same as the line.
  await page.getByRole('region', { name: 'Active alerts' }).getByRole('button').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Edit' }).waitFor();
});

visit('the key A, a right click and the alert tool place an alert', {}, async ({ page, deployment }) => {
  await enter(page, deployment);
  await page.keyboard.press('a');
  await until('a draft at the present price', async () => Math.abs((await drafted_price(page)) / 65000 - 1) < 0.01);
  const draft = by_id(page, 'draft-line');
  await until('the focus on its line', () => is_focused(draft));
  await page.keyboard.press('Escape');
  await until('no draft', async () => (await draft.count()) === 0);
  const at = await chart_point(page, 0.4, 0.3);
  await page.mouse.click(at.x, at.y);
  await frames(page);
  assert.equal(await draft.count(), 0, 'a click alone places nothing');
  await page.mouse.click(at.x, at.y, { button: 'right' });
  await draft.waitFor();
  await form(page).price.fill('');
  await until('no draft', async () => (await draft.count()) === 0);
  const tool = page.getByRole('group', { name: 'Tools' }).getByRole('button', { name: 'Alert' });
  await tool.click();
  await page.mouse.click(at.x, at.y);
  await draft.waitFor();
  await until('the tool to be put down', async () => (await tool.getAttribute('aria-pressed')) === 'false');
});

const kinds = [
  { condition: 'gt', target_price: 65400 },
  { when: { is: 'outside', level: [64600, 65500] } },
  { when: { is: 'below', level: { from: 'high', by: '-0.6%' } } },
  { when: { is: 'crosses_up', level: { from: 'low', over: '15m', by: '0.7%' } } },
  { when: { is: 'above', level: { from: 'start', by: '0.5%' } } },
  { condition: 'gt', target_price: 64000 }, // fires at once
];

screens.medium = { width: 1024, height: 768 };
for (const screen of ['narrow', 'medium', 'wide']) {
  visit(`alerts of every kind are drawn, ${screen}`, { screen, scheme: 'dark' }, async ({ page, deployment }) => {
    const { made } = await enter(page, deployment, kinds);
    for (const { id } of made.slice(0, 5)) await line(page, id).first().waitFor();
    await until('both bounds of the channel', async () => (await line(page, made[1].id).count()) === 2);
    assert.equal(await line(page, made[0].id).getAttribute('role'), 'slider');
    assert.equal(await line(page, made[2].id).getAttribute('role'), 'button', 'what follows the price is not dragged');
    await page.screenshot({ path: join(output, 'screenshots', `levels-${screens[screen].width}-dark.png`) });
    assert.deepEqual(await axe_findings(page), []);
    assert.equal(await overflows(page), false);
  });

  visit(
    `the form is in view when an alert is placed, ${screen}`,
    { screen, touch: screen === 'narrow' },
    async ({ page, deployment }) => {
      await enter(page, deployment);
      await place_alert(page, await chart_point(page, 0.4, 0.3), screen === 'narrow');
      await by_id(page, 'draft-line').waitFor();
      const { height } = screens[screen];
      const { y, height: tall } = await resting(page, form(page).create);
      assert.ok(y > 0 && y + tall <= height, `${y} + ${tall} is within ${height}`);
    },
  );

  visit(`each preset is a sentence that makes its alert, ${screen}`, { screen }, async ({ page, deployment }) => {
    const { user } = await enter(page, deployment);
    await open_sheet(page);
    const { url } = form(page);
    await url.fill(`${deployment.hooks}/hook`);
    const presets = page.getByRole('group', { name: 'What to watch' });
    for (const [preset, says_it] of [
      ['Move', /rises 5 % within 1h/],
      ['From now', /rises 5 % from its price at the start/],
      ['Trailing', /falls 3 % from its high/],
      ['New high', /makes a new 24h high/],
      ['Depeg', /is outside /],
      ['Feed silent', /has no price for 1 min/],
    ]) {
      await presets.getByRole('button', { name: preset }).click();
      if (preset === 'Trailing') {
        await until('what it would have done', async () =>
          /would have fired|would not have fired/.test(await page.locator('.preview').textContent()),
        );
        assert.deepEqual(await axe_findings(page), []);
      }
      assert.match((await create_alert(page, deployment, user)).says, says_it);
      await open_sheet(page);
    }
    assert.equal(await overflows(page), false);
  });
}

visit(
  'what stands behind More is sent: a hold, a repeat, an end, texts and an own body',
  {},
  async ({ page, deployment }) => {
    const { user } = await enter(page, deployment);
    const { price, url, note } = await open_form(page);
    const draft = page.getByRole('form', { name: 'New alert' });
    await price.fill('66000');
    await url.fill(`${deployment.hooks}/hook`);
    await note.fill('Sell half');
    await draft.getByLabel('And stays so for').fill('5m');
    await draft.getByLabel('Fires').selectOption('every time');
    await draft.getByLabel('Not again within').fill('15m');
    await draft.getByLabel('At most').fill('3');
    await draft.getByLabel('Until').fill('2099-01-01T00:00');
    await draft.getByLabel('Deliver within').selectOption('1h');
    await draft.getByLabel('Own body').fill('{"price": {{price}}, "at": "{{nowhere}}"}');
    await says(draft, /\{\{nowhere\}\} is not a placeholder/);
    await draft.getByLabel('Own body').fill('{"price": {{price}}}');
    const alert = await create_alert(page, deployment, user);
    assert.deepEqual(
      [alert.target_price, alert.note, alert.for, alert.deliver_within, alert.format, alert.template.body],
      [66000, 'Sell half', '5m', '1h', 'template', '{"price": {{price}}}'],
    );
    assert.deepEqual([alert.repeat.cooldown, alert.repeat.times], ['15m', 3]);
    assert.match(alert.expires_at, /^(2098-12-31|2099-01-01)T/);
    await until('the texts, meant for that alert, to go', async () => (await note.inputValue()) === '');
  },
);

visit('an alert is duplicated into the form', {}, async ({ page, deployment }) => {
  const { made } = await enter(page, deployment, [
    { when: { is: 'below', level: { from: 'high', by: '-0.7%' } }, repeat: { cooldown: '15m' } },
  ]);
  await line(page, made[0].id).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Duplicate' }).click();
  const draft = page.getByRole('form', { name: 'New alert' });
  await until('its percentage', async () => (await draft.getByLabel('Percent').inputValue()) === '0.7');
  await draft.locator('.more-alert > summary').click();
  assert.equal(await draft.getByLabel('Not again within').inputValue(), '15m');
});

visit('other views do not load the chart', {}, async ({ page, deployment }) => {
  const loaded = [];
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  const user = await deployment.register();
  await page.goto('/#/account');
  await page.getByLabel('API key').fill(user.api_key);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText(user.email).first().waitFor();
  const of_chart = () => loaded.some((path) => /\/chart-[^/]*\.js$/.test(path));
  assert.equal(of_chart(), false);
  await go(page, 'Market');
  await until('the chart', of_chart);
});
