// The samples are run: each must accept what is signed as a webhook is, and refuse what was changed on the way.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { curlOf, sampleOf, shellQuote, type CaughtRequest } from '../src/samples.ts';

const key = Buffer.from('0123456789abcdef0123456789abcdef');
const secret = `whsec_${key.toString('base64')}`;
const body = `{"message": "It's 5 % — \\"up\\" $HOME \`x\`"}`;

function sign(id: string, timestamp: string, text: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64')}`;
}

function caught(text = body): CaughtRequest {
  const id = '0193-a';
  const timestamp = String(Math.floor(Date.now() / 1000));
  return { id, timestamp, signature: `v1,AAAA ${sign(id, timestamp, body)}`, body: text };
}

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

test('a text is one word for the shell', () => {
  for (const text of ['', 'plain', `it's`, '$HOME `x` "y" \\ \n z'])
    assert.equal(execFileSync('sh', ['-c', `printf '%s' ${shellQuote(text)}`]).toString(), text);
});

test('the sample for the shell tells a right signature from a wrong one', { skip: !has('openssl') }, () => {
  const run = (request: CaughtRequest): string =>
    execFileSync('sh', ['-c', sampleOf('curl', secret, request)])
      .toString()
      .trim();
  assert.equal(run(caught()), 'the signature is right');
  assert.equal(run(caught(`${body} `)), 'the signature is wrong');
});

async function listening(program: ChildProcess): Promise<void> {
  let text = '';
  return new Promise((done, fail) => {
    program.stdout!.on('data', (data) => {
      text += String(data);
      if (text.includes('listening')) done();
    });
    program.stderr!.on('data', (data) => (text += String(data)));
    program.once('exit', () => fail(new Error(text)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

const receivers = [
  { language: 'Node', file: 'receiver.mjs', needs: process.execPath, run: [process.execPath] },
  { language: 'Python', file: 'receiver.py', needs: 'python3', run: ['python3'] },
  { language: 'Go', file: 'receiver.go', needs: 'go', run: ['go', 'run'] },
] as const;

for (const { language, file, needs, run } of receivers) {
  test(
    `the receiver in ${language} takes what is signed and refuses the rest`,
    { skip: !has(needs) },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'pricewire-sample-'));
      writeFileSync(join(folder, file), sampleOf(language, secret, null));
      const port = await freePort();
      const { WEBHOOK_SECRET: _, ...env } = process.env;
      const program = spawn(run[0], [...run.slice(1), join(folder, file)], {
        env: { ...env, PORT: String(port), GOFLAGS: '-mod=mod', GOTELEMETRY: 'off' },
        detached: true,
      });
      try {
        await listening(program);
        const post = async (request: CaughtRequest): Promise<number> => {
          const headers = {
            'webhook-id': request.id,
            'webhook-timestamp': request.timestamp,
            'webhook-signature': request.signature,
          };
          return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: request.body }))
            .status;
        };
        assert.equal(await post(caught()), 204);
        assert.equal(await post(caught(`${body} `)), 401);
        const old = String(Math.floor(Date.now() / 1000) - 3600);
        assert.equal(await post({ ...caught(), timestamp: old, signature: sign('0193-a', old, body) }), 401);
        assert.equal(await post({ ...caught(), signature: '' }), 401);
      } finally {
        // `go run` has a child of its own.
        process.kill(-program.pid!, 'SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}

test(
  'a delivery copied as curl is sent as it was, with a signature of its own',
  { skip: !has('curl') },
  async () => {
    const received = new Promise<{ headers: Record<string, unknown>; body: string; url: string }>((done) => {
      const server = createServer(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        response.writeHead(204).end();
        server.close();
        done({ headers: request.headers, body: Buffer.concat(chunks).toString(), url: request.url! });
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        const command = curlOf(
          { id: '0193-a', webhook_url: `http://127.0.0.1:${port}/it's?a=1&b=$2` },
          {
            'content-type': 'application/json',
            'content-length': '1',
            'webhook-id': '0193-a',
            'webhook-timestamp': '1',
            'webhook-signature': 'v1,cut…',
            'pricewire-test': 'true',
          },
          body,
        );
        spawn('sh', ['-c', command], { env: { ...process.env, WEBHOOK_SECRET: secret } });
      });
    });
    const { headers, body: sent, url } = await received;
    assert.equal(sent, body);
    assert.equal(url, `/it's?a=1&b=$2`);
    assert.deepEqual([headers['webhook-id'], headers['pricewire-test']], ['0193-a', 'true']);
    assert.equal(headers['webhook-signature'], sign('0193-a', String(headers['webhook-timestamp']), body));
  },
);
