// node stream.mjs FOLDER: starts FOLDER's exchange-sim, webhook-receiver and pricewire, and checks the messages of the
// live stream, over a WebSocket and as server-sent events, against the document's StreamMessage, and its commands
// against StreamCommand. Every type must occur. Exit code: 1 if something differs, 77 if the npm packages are not installed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve as absolute } from 'node:path';
import { alone, close, document } from './openapi.mjs';

const { default: Ajv } = await import('ajv/dist/2020.js');
const { default: formats } = await import('ajv-formats');
const { default: WebSocket } = await import('ws');

const deadline = Date.now() + 60_000;
const schemas = document.components.schemas;
close(schemas.StreamMessage);
const ajv = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true });
formats(ajv);
const known = Object.entries(schemas.StreamMessage.discriminator.mapping);
const validators = new Map(known.map(([type, reference]) => [type, ajv.compile(alone({ $ref: reference }))]));
const commands = schemas.StreamCommand.oneOf.map((schema) => alone(schema).example);

const directory = mkdtempSync(join(tmpdir(), 'pricewire-stream-'));
const children = [];
const wrong = [];

// Starts a program and returns the address it prints.
function start(name, args, env = {}) {
  const child = spawn(join(absolute(process.argv[2]), name), args, {
    cwd: directory, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (piece) => {
      said += piece;
      const found = /listening on (http:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${name} has ended: ${said}`)));
  });
}

async function until(what, condition) {
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`no ${what} within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Validates a message, and stores the first of each type.
function take(side, text, event) {
  const { heard } = side;
  const message = JSON.parse(text);
  const validate = validators.get(message.type);
  if (!validate) return wrong.push(`${text}\nhas a type that the document does not define`);
  if (!validate(message)) wrong.push(`${text}\ndoes not match the document: ${ajv.errorsText(validate.errors)}`);
  if (event && event.type !== message.type) wrong.push(`${text}\nis an event ${event.type}`);
  if (event && event.id !== (message.id ?? message.last_event_id)) wrong.push(`${text}\nhas the id ${event.id}`);
  heard[message.type] ??= message;
  if (message.firing) side.firing = message.firing;
}

function web_socket(base, headers = {}) {
  const socket = new WebSocket(`ws${base.slice(4)}/api/v1/stream`, ['pricewire.v1'], { headers });
  const side = { heard: {}, socket, code: 0, opened: false };
  socket.on('open', () => (side.opened = true));
  socket.on('message', (data) => take(side, data.toString()));
  socket.on('close', (code) => (side.code = code));
  socket.on('error', (error) => wrong.push(error.message));
  return side;
}

function events(base, key) {
  const side = { heard: {} };
  request(`${base}/api/v1/events`, { headers: { 'x-api-key': key, 'last-event-id': 'long ago' } }, (answer) => {
    if (answer.statusCode !== 200) wrong.push(`/api/v1/events answers ${answer.statusCode}`);
    let rest = '';
    answer.setEncoding('utf8').on('data', (piece) => {
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s)));
        if (fields.data) take(side, fields.data, { type: fields.event, id: fields.id });
      }
    });
    answer.on('error', () => {});
  }).on('error', () => {}).end();
  return side;
}

async function post(url, body, headers = {}) {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers } });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`${url} answers ${answer.status} ${text}`);
  return JSON.parse(text);
}

try {
  const sim = await start('exchange-sim', ['--listen', '127.0.0.1:0', '--market', 'generated', '--coins', '40']);
  const receiver = await start('webhook-receiver', ['--listen', '127.0.0.1:0']);
  const settings = await (await fetch(`${sim}/_sim/sources`)).text();
  const sources = Object.fromEntries(settings.trim().split('\n').map((line) => line.split('=')));
  const environment = {
    PRICEWIRE_HTTP_LISTEN: '127.0.0.1:0',
    PRICEWIRE_STORAGE_DATABASE_URL: `sqlite:${directory}/stream.db`,
    ...sources,
    PRICEWIRE_SOURCES_COINGECKO_ENABLED: 'false',
    PRICEWIRE_DELIVERY_ALLOW_HTTP: 'true',
    PRICEWIRE_DELIVERY_ALLOW_PORTS: '1-65535',
    PRICEWIRE_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
  };
  const base = await start('pricewire', ['serve'], environment);
  const pricewire = children.at(-1);
  const user = await post(`${base}/api/v1/users/register`, { email: 'ann@example.com' });
  const key = { 'x-api-key': user.api_key };

  // One stream with a key sends all commands of the document, one without a key starts with `auth`.
  const keyed = web_socket(base, key);
  const unkeyed = web_socket(base);
  const sse = events(base, user.api_key);
  await until('opened WebSocket', () => keyed.opened && unkeyed.opened);
  for (const command of commands) {
    if (command.type === 'auth') unkeyed.socket.send(JSON.stringify({ ...command, api_key: user.api_key }));
    else keyed.socket.send(JSON.stringify(command));
  }
  await until('first messages', () => [keyed, unkeyed, sse].every((side) => side.heard.ready && side.heard.prices));
  await post(`${base}/api/v1/alerts`, {
    ticker: 'BTC', target_price: 1, condition: 'gt', webhook_url: `${receiver}/hook`, note: 'for the stream',
  }, key);
  // An alert with a rule that holds, so that it fires, and one that is paused.
  await post(`${base}/api/v1/alerts`, {
    ticker: 'BTC', when: { is: 'outside', level: [1, 2] }, repeat: { cooldown: '10s' }, webhook_url: `${receiver}/hook`,
  }, key);
  const paused = await post(`${base}/api/v1/alerts`, {
    ticker: 'BTC', when: { is: 'below', level: { from: 'high', by: '-99%' } }, webhook_url: `${receiver}/hook`,
  }, key);
  const patched = await fetch(`${base}/api/v1/alerts/${paused.id}`, { method: 'PATCH', body: '{"is_active":false}',
    headers: { 'content-type': 'application/json', ...key } });
  await fetch(`${base}/api/v1/alerts/${paused.id}`, { method: 'DELETE', headers: key });
  if (patched.status !== 200) wrong.push(`PATCH answers ${patched.status} ${await patched.text()}`);

  // What the catcher is sent.
  const catcher = await post(`${base}/api/v1/catcher`, {}, key);
  await fetch(catcher.url, { method: 'POST', body: 'hello' });

  // An unknown key.
  const stranger = web_socket(base, { 'x-api-key': `sk_live_${'x'.repeat(43)}` });
  await until('end of a stream without a key', () => stranger.code !== 0);
  if (stranger.code !== 4401 || !stranger.heard.error) wrong.push(`a wrong key ends with ${stranger.code}`);
  // An invalid command.
  const rude = web_socket(base, key);
  await until('opened WebSocket', () => rude.opened);
  rude.socket.send('"hello"');
  await until('end of a stream that was sent an invalid message', () => rude.code !== 0);
  if (rude.code !== 4400 || !rude.heard.error) wrong.push(`an invalid message ends with ${rude.code}`);

  const of_every_stream = ['ready', 'prices', 'quotes', 'sources', 'alert_fired', 'alert_created',
    'alert_changed', 'alert_deleted', 'delivery', 'caught'];
  for (const [name, side] of Object.entries({ keyed, unkeyed, sse })) {
    for (const type of of_every_stream) await until(`message ${type} (${name})`, () => side.heard[type]);
  }
  for (const side of [keyed, unkeyed, sse]) await until('the firing of an alert with a rule', () => side.firing);
  await until('pong', () => keyed.heard.pong);
  await until('missed', () => sse.heard.missed);
  for (const command of commands) if (command.type !== 'auth' && keyed.code) wrong.push(`${command.type} ends a stream`);

  // An alert on a coin that a venue lists, once coins are not watched on demand any more.
  const coin = { ticker: 'PEPE', target_price: 1000, condition: 'gt', webhook_url: `${receiver}/hook` };
  let made = false;
  while (!made) {
    if (Date.now() > deadline) throw new Error('no list of a venue within a minute');
    made = await post(`${base}/api/v1/alerts`, coin, key).then(() => true, () => false);
    if (!made) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  for (const side of [keyed, unkeyed]) side.socket.terminate();
  pricewire.removeAllListeners('exit').kill();
  await until('end of the process', () => pricewire.exitCode !== null);
  const again = await start('pricewire', ['serve'], { ...environment, PRICEWIRE_MARKET_ON_DEMAND: 'false' });
  const waiting = web_socket(again, key);
  await until('message unwatched', () => waiting.heard.unwatched);
  await until('message blind', () => waiting.heard.blind);
  waiting.socket.terminate();

  const met = new Set([keyed, unkeyed, sse, stranger, rude, waiting].flatMap((side) => Object.keys(side.heard)));
  for (const [type] of known) if (!met.has(type)) wrong.push(`no message of type ${type} arrived`);
} catch (error) {
  wrong.push(error.message);
} finally {
  for (const child of children) child.removeAllListeners('exit').kill();
  rmSync(directory, { recursive: true, force: true });
}
if (wrong.length > 0) console.error([...new Set(wrong)].slice(0, 20).join('\n'));
process.exit(wrong.length > 0 ? 1 : 0);
