// node with_prism.mjs COMMAND… : runs COMMAND, tests of the API, whose requests pass through two prism proxies that
// check them against openapi.yaml, one with --errors and one without; tests/support/prism.hpp is the client. Exit code:
// that of COMMAND; 1 if prism misses an invalid answer or the document names an answer that no test received; 77 if the
// npm packages are not installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alone, close, document, here, operations, responses_of } from './openapi.mjs';

// Answers shared by every call; they need not be tested for each.
const shared = new Set(
  ['BadRequest', 'TooSlow', 'TooLarge', 'HeadersTooLarge', 'Failed', 'Unavailable'].map((n) => `#/components/responses/${n}`));

async function free_port() {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function until_listening(port, prism) {
  for (const end = Date.now() + 60_000; ; ) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    if (open) return;
    if (prism.exitCode !== null || Date.now() > end) throw new Error('prism is not listening');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function ask(port, method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const r = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      let text = '';
      answer.on('data', (piece) => (text += piece));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    r.on('error', reject).end(body);
  });
}

// Prism accepts anything it has no schema for, or whose schema it cannot compile. So every answer of the document is sent
// once with an invalid body, which both proxies must report.
async function check_that_wrong_answers_are_noticed(own, strict, lenient) {
  const server = createServer((request, answer) => {
    request.resume();
    answer.writeHead(Number(request.headers['x-wanted-status']), { 'content-type': 'application/json' });
    answer.end('"wrong"');
  }).listen(own, '127.0.0.1');
  await once(server, 'listening');
  const overlooked = [];
  for (const { path, item, method, operation } of operations()) {
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    const query = parameters.filter((p) => p.in === 'query' && p.required).map((p) => `${p.name}=${p.example}`).join('&');
    const target = path.replace(/\{(\w+)\}/g, (_, name) => parameters.find((p) => p.name === name).example) + (query && `?${query}`);
    const json = operation.requestBody?.content['application/json'];
    const body = json && JSON.stringify(json.example ?? Object.values(json.examples)[0].value);
    for (const [status, response] of responses_of(operation)) {
      if (!response.content?.['application/json']) continue;
      const headers = { 'x-api-key': 'x', 'x-wanted-status': status };
      if (body) headers['content-type'] = 'application/json';
      if (body) headers['content-length'] = Buffer.byteLength(body);
      const by_strict = await ask(strict, method.toUpperCase(), target, headers, body);
      const by_lenient = await ask(lenient, method.toUpperCase(), target, headers, body);
      const noticed = by_lenient.headers['sl-violations']?.includes('"response"');
      if (!noticed || !by_strict.text.includes('#VIOLATIONS')) overlooked.push(`${method} ${path} ${status}: ${by_strict.status} ${by_strict.text}`);
    }
  }
  server.close();
  server.closeAllConnections?.();
  await once(server, 'close');
  if (overlooked.length > 0) throw new Error(`prism misses invalid answers:\n${overlooked.join('\n')}`);
}

function pattern_of(path) {
  return new RegExp(`^${path.replace(/\./g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);
}

// The statuses of the document that no test received.
function unseen(log) {
  const seen = new Set();
  const all = [...operations()];
  for (const line of log.split('\n').filter(Boolean)) {
    const [method, target, status] = line.split(' ');
    const fits = all
      .filter((o) => o.method === method.toLowerCase())
      .filter((o) => pattern_of(o.path).test(target.split('?')[0]));
    const best = fits.find((o) => !o.path.includes('{')) ?? fits[0];
    if (best) seen.add(`${best.method} ${best.path} ${status}`);
  }
  const out = [];
  for (const { path, method, operation } of all) {
    for (const [status, response] of Object.entries(operation.responses)) {
      const name = `${method} ${path} ${status}`;
      if (path === '/metrics') continue; // answered before the API
      // After a 101 it is no longer HTTP; the stream's own tests cover that.
      if (status !== '101' && !shared.has(response.$ref) && !seen.has(name)) out.push(name);
    }
  }
  return out;
}

const directory = mkdtempSync(join(tmpdir(), 'pricewire-prism-'));
const children = [];
let exit_code = 1;
try {
  // Requests may have additional members: they are ignored.
  for (const { operation } of operations()) {
    for (const media of Object.values(operation.requestBody?.content ?? {})) media.schema = alone(media.schema);
  }
  const seen = new Set();
  for (const { operation } of operations()) {
    for (const [, response] of responses_of(operation)) {
      for (const media of Object.values(response.content ?? {})) close(media.schema, seen);
    }
  }
  const closed = join(directory, 'openapi.json');
  writeFileSync(closed, JSON.stringify(document));
  const [own, strict, lenient] = [await free_port(), await free_port(), await free_port()];
  const cli = join(here, 'node_modules/@stoplight/prism-cli/dist/index.js');
  const prism = (port, ...flags) => {
    const child = spawn(
      process.execPath,
      [cli, 'proxy', closed, `http://127.0.0.1:${own}`, '--host', '127.0.0.1', '--port', String(port), '--no-cors',
        '--verboseLevel', 'silent', ...flags],
      { stdio: ['ignore', 'ignore', 'inherit'] });
    children.push(child);
    return until_listening(port, child);
  };
  await Promise.all([prism(strict, '--errors'), prism(lenient)]);
  await check_that_wrong_answers_are_noticed(own, strict, lenient);
  const log = join(directory, 'log');
  writeFileSync(log, '');
  const [command, ...rest] = process.argv.slice(2);
  const tests = spawn(command, rest, {
    stdio: 'inherit',
    env: { ...process.env, PRICEWIRE_TEST_PRISM: `${own},${strict},${lenient}`, PRICEWIRE_TEST_PRISM_LOG: log },
  });
  children.push(tests);
  const [code] = await once(tests, 'exit');
  exit_code = code ?? 1;
  const filtered = rest.some((argument) => argument.startsWith('--gtest_filter'));
  const missing = filtered ? [] : unseen(readFileSync(log, 'utf8'));
  if (missing.length > 0) {
    console.error(`openapi.yaml names answers that no test received:\n${missing.join('\n')}`);
    exit_code ||= 1;
  }
} catch (error) {
  console.error(error.message);
} finally {
  for (const child of children) if (child.exitCode === null) child.kill();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(exit_code);
