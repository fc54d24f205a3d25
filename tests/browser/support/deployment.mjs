// A whole deployment for one test file: the exchange simulator, a webhook receiver and `pricewire serve` with an
// embedded database in a temporary folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Market } from './market.mjs';
import { Program } from './programs.mjs';

const here = dirname(fileURLToPath(import.meta.url));

export class Deployment {
  // `config` adds to the environment; `limits: true` leaves the rate limits at their defaults; `history: true` starts
  // with some days of bars; `coins`: how many coins the exchanges list, beside the configured ones.
  static async start(options = {}) {
    const deployment = new Deployment();
    try {
      await deployment.set_up(options);
    } catch (error) {
      await deployment.end_programs();
      throw error;
    }
    return deployment;
  }

  async set_up({ config = {}, limits = false, history = false, coins = 0 }) {
    this.folder = mkdtempSync(join(tmpdir(), 'pricewire-browser-'));
    this.simulator = new Program('exchange-sim', [
      ...['--listen', '127.0.0.1:0', '--coingecko-period', '2s'],
      ...(coins > 0 ? ['--coins', String(coins)] : []),
    ]);
    this.receiver = new Program('webhook-receiver', ['--listen', '127.0.0.1:0']);
    const simulator = await this.simulator.address();
    this.hooks = await this.receiver.address();
    this.market = new Market(simulator);
    this.env = {
      PRICEWIRE_STORAGE_DATABASE_URL: `sqlite:${join(this.folder, 'pricewire.db')}`,
      ...(await this.market.source_settings()),
      PRICEWIRE_SOURCES_COINGECKO_POLL_INTERVAL: '2s',
      PRICEWIRE_DELIVERY_ALLOW_HTTP: 'true',
      PRICEWIRE_DELIVERY_ALLOW_PORTS: '1-65535',
      PRICEWIRE_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
      PRICEWIRE_DELIVERY_FIRST_RETRIES: '500ms',
      PRICEWIRE_DELIVERY_BREAKER_FAILURES: '0',
      ...(limits ? {} : generous),
      ...config,
    };
    this.listen = '127.0.0.1:0';
    if (history) await this.write_history();
    await this.start_pricewire();
  }

  async start_pricewire() {
    this.pricewire = new Program('pricewire', ['serve'], {
      cwd: this.folder,
      env: { ...this.env, PRICEWIRE_HTTP_LISTEN: this.listen },
    });
    this.url = await this.pricewire.address();
    // A restart keeps the same address, as in production.
    this.listen = this.url.replace('http://', '');
  }

  // Writes past bars, which would take days to collect.
  async write_history() {
    const migrate = new Program('pricewire', ['migrate'], { cwd: this.folder, env: this.env });
    if ((await migrate.ended) !== 0) throw new Error(`pricewire migrate failed:\n${migrate.text}`);
    execFileSync('python3', [join(here, 'write_history.py'), join(this.folder, 'pricewire.db')]);
  }

  // Returns Pricewire's exit code.
  async end_programs() {
    await this.market?.release();
    const code = await this.pricewire?.stop();
    await this.simulator.stop();
    await this.receiver.stop();
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }

  async stop() {
    const code = await this.end_programs();
    if (code !== 0) throw new Error(`pricewire ended with ${code}:\n${this.pricewire.text.slice(-4000)}`);
  }

  // One API call. Returns {status, body, headers}; body is parsed if it is JSON.
  async api(method, path, { key, body } = {}) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { ...(key && { 'X-API-Key': key }), ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
    };
  }

  async expect(status, ...call) {
    const answer = await this.api(...call);
    if (answer.status !== status)
      throw new Error(`${call[0]} ${call[1]}: ${answer.status} ${JSON.stringify(answer.body)}, not ${status}`);
    return answer.body;
  }

  // Registers a user through the API, not the page: {email, api_key, webhook_secret}.
  async register(name = 'user') {
    const user = await this.expect(201, 'POST', '/users/register', { body: { email: this.email(name) } });
    await this.trust(user.webhook_secret);
    return user;
  }

  email(name) {
    this.users = (this.users ?? 0) + 1;
    return `${name}-${this.users}@example.com`;
  }

  alert(user, alert) {
    return this.expect(201, 'POST', '/alerts/', {
      key: user.api_key,
      body: { ticker: 'BTC', webhook_url: `${this.hooks}/hook`, ...alert },
    });
  }

  // Lets the receiver verify signatures with this secret.
  trust(secret) {
    return this.receiver_post('secrets', secret);
  }

  async receiver_post(control, body) {
    const answer = await fetch(`${this.hooks}/_receiver/${control}`, { method: 'POST', body });
    if (answer.status !== 204) throw new Error(`webhook-receiver ${control}: ${answer.status} ${await answer.text()}`);
  }

  async received(alert_id) {
    const stats = await (await fetch(`${this.hooks}/_receiver/stats?log=1`)).json();
    return stats.deliveries.filter((delivery) => delivery.alert_id === alert_id);
  }
}

const generous = {
  PRICEWIRE_LIMITS_REGISTER: '1000000/1s',
  PRICEWIRE_LIMITS_USER: '1000000/1s',
  PRICEWIRE_LIMITS_RATES: '1000000/1s',
  PRICEWIRE_LIMITS_HISTORY: '1000000/1s',
  PRICEWIRE_LIMITS_ATTEMPTS: '1000000/1s',
};
