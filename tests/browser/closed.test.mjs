// A server whose registration is closed.
import assert from 'node:assert/strict';

import { stage } from './support/browser.mjs';
import { open, sign_in } from './support/page.mjs';
import { Program } from './support/programs.mjs';
import { until } from './support/until.mjs';

const { visit } = stage({ config: { PRICEWIRE_USERS_REGISTRATION: 'closed' } });

visit('closed registration shows no sign-up, and a made account signs in', {}, async ({ page, deployment }) => {
  await open(page);
  await page.getByRole('heading', { name: 'Registration is closed' }).waitFor();
  assert.equal(await page.getByLabel('E-mail').count(), 0);
  await page.getByText('Whoever runs this server can create an account').waitFor();
  const made = new Program('pricewire', ['users', 'create', 'made@example.com'], {
    cwd: deployment.folder,
    env: deployment.env,
  });
  assert.equal(await made.ended, 0, made.text);
  const [, key] = await until('its key', () => /api_key +(\S+)/.exec(made.text));
  await sign_in(page, key);
});
