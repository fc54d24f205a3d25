// Real programs under test: started on free loopback ports, awaited, and stopped by their process ids.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from './until.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const binaries = process.env.PRICEWIRE_BINARY_DIR ?? join(root, 'build', 'release');
export const output = process.env.PRICEWIRE_BROWSER_OUTPUT ?? join(root, 'build', 'browser');

const running = new Set();
process.on('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});

export class Program {
  // `command`: what runs in place of the binary of that name.
  constructor(name, args, { env = {}, cwd = output, command = join(binaries, name) } = {}) {
    mkdirSync(join(output, 'logs'), { recursive: true });
    this.name = name;
    this.text = '';
    // Only the test's configuration applies, none of the caller's own settings.
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('PRICEWIRE_')));
    // A program must not outlive a killed test.
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
      cwd,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('exit', (code, signal) => {
        running.delete(this.child);
        this.over = true;
        resolve(signal ?? code);
      });
    });
    const log = createWriteStream(join(output, 'logs', `${name}-${this.child.pid}.log`));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => {
        this.text += data;
        log.write(data);
      });
    }
  }

  // The address in its "listening on http://HOST:PORT".
  async address() {
    await until(`${this.name} to listen`, () => {
      if (this.over) throw new Error(`${this.name} has ended; its output:\n${this.text.slice(-4000)}`);
      return /listening on http:\/\/[^\s"]+/.test(this.text);
    });
    return this.text.match(/listening on (http:\/\/[^\s"]+)/)[1];
  }

  // Returns its exit code, or the signal that ended it.
  async stop(signal = 'SIGTERM') {
    if (!this.over) this.child.kill(signal);
    return this.ended;
  }
}
