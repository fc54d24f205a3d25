// Tests of the harness: that it detects the faults it is meant to detect.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { axe_findings, cumulative_shift, launch, Visitor } from './support/browser.mjs';
import { until } from './support/until.mjs';

let browser, server, url;
let html = '';
before(async () => {
  browser = await launch();
  server = createServer((request, response) => {
    response.setHeader('Content-Type', request.url.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.setHeader('Content-Security-Policy', "default-src 'self'; img-src *");
    response.statusCode = request.url === '/favicon.ico' ? 204 : 200;
    response.end(request.url.endsWith('.js') ? script : html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}`;
});
after(async () => {
  await browser?.close();
  server?.close();
});
let script = '';

async function visitor_of(page_html, page_script = '') {
  html = `<!doctype html><html lang="en"><head><title>Test</title></head><body><main><h1>Test</h1>${page_html}<script src="/page.js"></script></main></body></html>`;
  script = page_script;
  const visitor = await Visitor.arrive(browser, { url });
  await visitor.page.goto('/');
  return visitor;
}

for (const [what, page_html, page_script, told] of [
  [
    'a request to another host',
    '<img alt="" src="http://elsewhere.example/a.png">',
    '',
    /a request to another host: http:\/\/elsewhere\.example/,
  ],
  [
    'a stream to another host',
    '',
    "try { new WebSocket('ws://elsewhere.example/') } catch {}",
    /violation: connect-src/,
  ],
  ['a violation of the Content-Security-Policy', '<script>var x = 1</script>', '', /violation: script-src/],
  ['an error on the console', '', "console.error('broken')", /console error: broken/],
  [
    'an uncaught error',
    '',
    "setTimeout(() => { throw new Error('lost') })",
    /uncaught error: Error: lost/,
  ],
]) {
  test(`the harness reports ${what}`, async () => {
    const visitor = await visitor_of(page_html, page_script);
    await until(what, () => visitor.faults.some((fault) => told.test(fault)));
    assert.throws(() => visitor.check());
    await visitor.leave();
  });
}

test('the harness reports layout shifts, and passes a quiet page', async () => {
  const quiet = await visitor_of('<p>Nothing moves.</p>');
  quiet.check();
  assert.deepEqual(await axe_findings(quiet.page), []);
  await quiet.leave();
  const jumping = await visitor_of(
    '<p id="text">Moves.</p>',
    "setTimeout(() => { const box = document.createElement('div'); for (let i = 0; i < 40; ++i) box.append(document.createElement('br')); document.getElementById('text').before(box) }, 300)",
  );
  await until('a shift', () => jumping.shifts.length > 0);
  assert.equal(jumping.layout_shift() > 0, true);
  await jumping.leave();
});

test('axe findings are reported', async () => {
  const visitor = await visitor_of('<button></button>');
  assert.match((await axe_findings(visitor.page)).join(), /button-name/);
  await visitor.leave();
});

test('shifts add up within windows', () => {
  const shift = (at, value) => ({ at, value });
  assert.equal(cumulative_shift([]), 0);
  assert.equal(cumulative_shift([shift(0, 0.25), shift(500, 0.25), shift(2000, 0.125)]), 0.5);
  assert.equal(
    cumulative_shift([0, 1, 2, 3, 4, 5, 6].map((n) => shift(n * 900, 0.25))),
    1.5,
    'no window is longer than 5 s',
  );
});
