// A push service for tests (RFC 8030): makes subscriptions, whose private halves it keeps, and reads what is pushed to
// them as a browser would: the token (RFC 8292) with Node's own crypto, the message (RFC 8291) with the package
// `http_ece`. What a push service would refuse, it refuses, and says why. `http_ece` is taken from the folder it is
// started in.
//   node push_service.mjs     prints "listening on http://127.0.0.1:PORT"
//   POST   /_push/subscriptions          {"applicationServerKey"} → {"endpoint","keys":{"p256dh","auth"}}
//   DELETE /_push/subscriptions/ID       pushes to it are answered 410 from then on
//   POST   /_push/answers                [{"status",...headers}], the next pushes' answers in order; then 201
//   GET    /_push/requests               a line of JSON for each push, oldest first: {"id","status","why","message","headers"}
import { createECDH, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ece = createRequire(join(process.cwd(), 'package.json'))('http_ece');

const day = 24 * 60 * 60;
const subscriptions = new Map();
const requests = [];
let answers = [];
let origin;

class Refusal extends Error {
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}
function need(condition, status, why) {
  if (!condition) throw new Refusal(status, why);
}

// The claims of a token that this key has signed.
function claims_of(token, point) {
  const [head, claims, signature] = token.split('.');
  const key = createPublicKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
    format: 'jwk',
  });
  const { alg } = JSON.parse(Buffer.from(head, 'base64url'));
  need(alg === 'ES256', 401, `the algorithm ${alg}`);
  const signed = { key, dsaEncoding: 'ieee-p1363' };
  need(
    verify('sha256', Buffer.from(`${head}.${claims}`), signed, Buffer.from(signature, 'base64url')),
    403,
    'the signature',
  );
  return JSON.parse(Buffer.from(claims, 'base64url'));
}

function check_token(header, server_key) {
  const [, token, key] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(header ?? '') ?? [];
  need(key, 401, `the header authorization: ${header}`);
  need(key === server_key, 403, 'another key than the one that was subscribed with');
  const { aud, exp, sub } = claims_of(token, Buffer.from(key, 'base64url'));
  const now = Date.now() / 1000;
  need(aud === origin, 403, `the audience ${aud}`);
  need(Number.isInteger(exp) && exp > now && exp <= now + day, 403, `the expiry ${exp} at ${now}`);
  need(sub === undefined || /^(mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/.test(sub), 403, `the subject ${sub}`);
}

function read(subscription, headers, body) {
  check_token(headers.authorization, subscription.server_key);
  need(/^\d+$/.test(headers.ttl ?? ''), 400, `the header ttl: ${headers.ttl}`);
  need(['very-low', 'low', 'normal', 'high'].includes(headers.urgency), 400, `the urgency ${headers.urgency}`);
  need(headers['content-encoding'] === 'aes128gcm', 415, `the coding ${headers['content-encoding']}`);
  need(body.length <= 4096, 413, `${body.length} bytes`);
  const { privateKey, authSecret } = subscription;
  return JSON.parse(ece.decrypt(body, { version: 'aes128gcm', privateKey, authSecret: authSecret.toString('base64url') }));
}

function push(id, headers, body) {
  const seen = { id, status: 0, why: undefined, message: undefined, headers };
  requests.push(seen);
  try {
    const subscription = subscriptions.get(id);
    need(subscription, 404, 'there is no such subscription');
    need(!subscription.gone, 410, 'the subscription has ended');
    seen.message = read(subscription, headers, body);
  } catch (error) {
    seen.status = error.status ?? 400;
    seen.why = error.message;
    return [seen.status, { why: error.message }];
  }
  const { status, ...more } = answers.shift() ?? { status: 201, location: `${origin}/message/${randomUUID()}` };
  seen.status = status;
  return [status, null, more];
}

function subscribe({ applicationServerKey }) {
  need(Buffer.from(applicationServerKey ?? '', 'base64url').length === 65, 400, 'applicationServerKey');
  const privateKey = createECDH('prime256v1');
  const p256dh = privateKey.generateKeys('base64url');
  const authSecret = randomBytes(16);
  const id = randomUUID();
  subscriptions.set(id, { privateKey, authSecret, server_key: applicationServerKey });
  return { endpoint: `${origin}/push/${id}`, keys: { p256dh, auth: authSecret.toString('base64url') } };
}

function answer(method, [, area, list, id], headers, body) {
  if (area === 'push' && method === 'POST') return push(list, headers, body);
  if (area !== '_push') return [404];
  if (method === 'POST' && list === 'subscriptions') return [201, subscribe(JSON.parse(body))];
  if (method === 'DELETE' && list === 'subscriptions') {
    subscriptions.get(id).gone = true;
    return [204];
  }
  if (method === 'POST' && list === 'answers') {
    answers = JSON.parse(body);
    return [204];
  }
  if (method === 'GET' && list === 'requests') return [200, requests.map((each) => JSON.stringify(each)).join('\n')];
  return [404];
}

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  let status, said, more;
  try {
    [status, said, more] = answer(request.method, request.url.split('/'), request.headers, Buffer.concat(parts));
  } catch (error) {
    [status, said] = [error.status ?? 500, { why: error.message }];
  }
  response.writeHead(status, { 'access-control-allow-origin': '*', ...more });
  response.end(typeof said === 'object' && said !== null ? JSON.stringify(said) : said);
});
server.listen(0, '127.0.0.1', () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  console.log(`listening on ${origin}`);
});
