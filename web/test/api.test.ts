import assert from 'node:assert/strict';
import test from 'node:test';
import { alertBody, formatOfUrl } from '../src/alert_body.ts';
import { Api, ApiError, errorOf, nextPage, signedOut, unreachable } from '../src/api.ts';

interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

function fixture(...answers: (Response | Error)[]) {
  const sent: Sent[] = [];
  const slept: number[] = [];
  let unauthorized = 0;
  const api = new Api({
    key: () => 'sk_live_mine',
    onUnauthorized: () => ++unauthorized,
    sleep: async (milliseconds) => void slept.push(milliseconds),
    fetch: (async (path: string, init: RequestInit) => {
      sent.push({
        method: init.method!,
        path,
        headers: init.headers as Record<string, string>,
        body: init.body as string | null,
      });
      const answer = answers.shift();
      if (answer === undefined) throw new Error('more requests than expected');
      if (answer instanceof Error) throw answer;
      return answer;
    }) as typeof fetch,
  });
  return { api, sent, slept, unauthorized: () => unauthorized };
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });
const tooMany = (after: string): Response =>
  json(429, { detail: 'Rate limit exceeded' }, { 'Retry-After': after });

test('a request carries the key in a header, never in its path', async () => {
  const f = fixture(json(200, { price: 1 }));
  assert.deepEqual((await f.api.get('/api/v1/rates/BTC')).body, { price: '1' });
  assert.equal(f.sent[0]?.headers['X-API-Key'], 'sk_live_mine');
  assert.equal(f.sent[0]?.path, '/api/v1/rates/BTC');
});

test('a rate-limited request is retried when the server allows it', async () => {
  const f = fixture(tooMany('2'), tooMany('3'), json(201, { id: 'x' }));
  assert.deepEqual(await f.api.post('/api/v1/alerts/', '{}'), { id: 'x' });
  assert.deepEqual(f.slept, [2000, 3000]);
  assert.equal(f.sent.length, 3);
});

test('retries do not wait for ever', async () => {
  const long = fixture(tooMany('3600'));
  await assert.rejects(long.api.get('/x'), { status: 429 });
  const often = fixture(...Array.from({ length: 5 }, () => tooMany('1')));
  await assert.rejects(often.api.get('/x'), { status: 429, message: 'Rate limit exceeded.' });
});

test('a GET without an answer is retried, a change is not', async () => {
  const get = fixture(new TypeError('network'), json(200, []));
  assert.deepEqual((await get.api.get('/x')).body, []);
  const post = fixture(new TypeError('network'));
  await assert.rejects(post.api.post('/x', '{}'), { status: 0, message: unreachable });
  const unavailable = fixture(json(503, { detail: 'gone' }, { 'Retry-After': '1' }));
  await assert.rejects(unavailable.api.post('/x'), { status: 503, message: 'gone.' });
});

test('a refused key signs out; a key that is only being verified does not', async () => {
  const own = fixture(json(401, { detail: 'Invalid or inactive API Key' }));
  await assert.rejects(own.api.get('/x'), { status: 401 });
  assert.equal(own.unauthorized(), 1);
  const tried = fixture(json(401, { detail: 'Invalid or inactive API Key' }));
  await assert.rejects(tried.api.getAs('sk_live_other', '/x'), { message: 'Invalid or inactive API Key.' });
  assert.equal(tried.unauthorized(), 0);
  assert.equal(tried.sent[0]?.headers['X-API-Key'], 'sk_live_other');
});

test('after signing out nothing is requested, and pending retries are not sent', async () => {
  let key: string | null = 'sk_live_mine';
  let sent = 0;
  const api: Api = new Api({
    key: () => key,
    onUnauthorized: () => assert.fail('nobody is signed in'),
    sleep: async () => {
      key = null;
      api.reset();
    },
    fetch: (async () => {
      ++sent;
      return tooMany('1');
    }) as typeof fetch,
  });
  await assert.rejects(api.get('/x'), { status: 0, message: signedOut });
  await assert.rejects(api.get('/x'), { status: 0, message: signedOut });
  assert.equal(sent, 1);
});

test('signing out aborts requests in flight', async () => {
  const api = new Api({
    key: () => 'sk_live_mine',
    onUnauthorized: () => {},
    fetch: ((_: string, init: RequestInit) =>
      new Promise((_resolve, reject) => {
        init.signal!.addEventListener('abort', () => reject(new Error('aborted')));
      })) as typeof fetch,
  });
  const asked = api.get('/x');
  api.reset();
  await assert.rejects(asked, { status: 0, message: signedOut });
});

test('errors are shown at their fields; an answer that is not from the server gets a generic message', () => {
  const detail = [
    { loc: ['body', 'webhook_url'], msg: 'only https is permitted' },
    { loc: ['body'], msg: 'Field required' },
  ];
  const invalid = errorOf(422, JSON.stringify({ error: 'ValidationError', detail, code: 422 }));
  assert.deepEqual(invalid.fields, [
    { field: 'webhook_url', message: 'Only https is permitted.' },
    { field: '', message: 'Field required.' },
  ]);
  assert.equal(errorOf(409, '{"detail":"127.0.0.1 is taken"}').message, '127.0.0.1 is taken.');
  const disabled =
    'This webhook_url is not called any more. POST /api/v1/endpoints/enable with it to have it called again.';
  assert.equal(
    errorOf(409, JSON.stringify({ detail: disabled })).message,
    'This webhook URL is not called any more. Enable it under Endpoints.',
  );
  for (const odd of ['<html>', '', 'null', '{"detail":7}']) {
    assert.match(errorOf(502, odd).message, /The server answered 502/, odd);
  }
  assert.ok(invalid instanceof ApiError);
});

test('a page sent in place of the server is not taken for its answer', async () => {
  const f = fixture(new Response('<html>Log in to the network</html>', { status: 200 }));
  await assert.rejects(f.api.get('/x'), { name: 'ApiError', message: /in its place/ });
});

test('the next page is taken from the Link header', () => {
  assert.equal(
    nextPage('</api/v1/alerts/?limit=100&cursor=A-_>; rel="next"'),
    '/api/v1/alerts/?limit=100&cursor=A-_',
  );
  assert.equal(nextPage('<https://elsewhere.example/>; rel="next"'), null);
  assert.equal(nextPage(null), null);
});

test('an alert is sent with the price as a number with the digits entered', () => {
  const body = alertBody({
    ticker: 'BTC',
    target_price: '0.300000000000000001',
    condition: 'gt',
    webhook_url: 'https://a.example/"x"',
    note: '',
    format: 'json',
  });
  assert.ok(body.includes('"target_price":0.300000000000000001,'), body);
  assert.deepEqual(Object.keys(JSON.parse(body) as object).sort(), [
    'condition',
    'format',
    'target_price',
    'ticker',
    'webhook_url',
  ]);
});

test('chat URLs determine the format', () => {
  const urls: [string, string][] = [
    ['https://hooks.slack.com/services/T/B/x', 'slack'],
    ['https://discord.com/api/webhooks/1/abc', 'discord'],
    ['https://canary.discord.com/api/webhooks/1/abc', 'discord'],
    ['https://discord.com/channels/1', 'json'],
    ['https://api.telegram.org/bot1:x/sendMessage?chat_id=1', 'telegram'],
    ['https://hooks.slack.com.evil.example/', 'json'],
    ['not a URL', 'json'],
  ];
  for (const [url, format] of urls) assert.equal(formatOfUrl(url), format, url);
});
