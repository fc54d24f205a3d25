// Debian's Chromium, and watched pages: anything a page must never do fails its test at the end.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { Deployment } from './deployment.mjs';
import { output } from './programs.mjs';
import { deadline_ms, frames } from './until.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// How many times slower than it is the processor is to seem to each page: what passes at 6 depends on no speed.
const slowness = Number(process.env.PRICEWIRE_BROWSER_SLOWNESS ?? 1);

export const screens = {
  wide: { width: 1440, height: 900 },
  middle: { width: 1024, height: 768 },
  narrow: { width: 360, height: 780 },
};

// The largest and the smallest screen in every colour scheme.
export const looks = ['wide', 'narrow'].flatMap((screen) => ['dark', 'light'].map((scheme) => ({ screen, scheme })));

export function launch() {
  return chromium.launch({
    executablePath: process.env.PRICEWIRE_CHROMIUM ?? '/usr/bin/chromium',
    // Chromium has no sandbox as root, or where user namespaces are forbidden and its helper lacks privileges.
    chromiumSandbox: process.getuid() !== 0 && process.env.PRICEWIRE_BROWSER_NO_SANDBOX !== '1',
    // No name resolves: a request to another host fails even if it is not observed.
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--disable-background-networking', '--disable-gpu'],
  });
}

// Runs in every document before its own scripts; reports what only the document can observe.
function watch() {
  document.addEventListener('securitypolicyviolation', (event) => {
    window.__report(
      'violation',
      `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
    );
  });
  const place = (node) => {
    const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!element?.tagName) return 'something removed';
    const hint = element.getAttribute('data-testid') ?? element.id ?? '';
    return `${element.tagName.toLowerCase()}${hint && '#' + hint}${element.className && '.' + element.className}`;
  };
  // What moves within half a second of an input is expected to. On a slow machine so is what moves within as many frames.
  const inputs = [];
  let frames_left = 0;
  const count_frame = () => {
    if (--frames_left > 0) requestAnimationFrame(count_frame);
    else inputs.at(-1).end = performance.now();
  };
  const note_input = () => {
    if (frames_left <= 0) {
      inputs.push({ begin: performance.now(), end: Infinity });
      requestAnimationFrame(count_frame);
    }
    frames_left = 30;
  };
  for (const name of ['pointerdown', 'keydown', 'wheel', 'input', 'click'])
    addEventListener(name, note_input, { capture: true, passive: true });
  const report = (entries) => {
    for (const entry of entries) {
      if (entry.hadRecentInput) continue;
      if (inputs.some(({ begin, end }) => begin <= entry.startTime && entry.startTime <= end)) continue;
      const moved = entry.sources.map(
        (source) => `${place(source.node)} ${Math.round(source.previousRect.y)}→${Math.round(source.currentRect.y)}`,
      );
      window.__report('shift', { value: entry.value, at: entry.startTime, moved, hash: location.hash });
    }
  };
  window.__shifts = new PerformanceObserver((list) => report(list.getEntries()));
  window.__shifts.observe({ type: 'layout-shift', buffered: true });
}

// Cumulative layout shift as defined by Web Vitals: the worst window of at most 5 s with shifts less than 1 s apart.
export function cumulative_shift(shifts) {
  let worst = 0;
  let sum = 0;
  let first = -Infinity;
  let last = -Infinity;
  for (const { value, at } of shifts) {
    const joins = at - last < 1000 && at - first < 5000;
    if (!joins) {
      first = at;
      sum = 0;
    }
    sum += value;
    last = at;
    worst = Math.max(worst, sum);
  }
  return worst;
}

// One signed-out visitor: a browser context with one watched page.
export class Visitor {
  static async arrive(
    browser,
    deployment,
    { screen = 'wide', scheme = 'light', state, before = [], touch = false, zone, locale } = {},
  ) {
    const visitor = new Visitor();
    visitor.deployment = deployment;
    visitor.context = await browser.newContext({
      baseURL: deployment.url,
      viewport: screens[screen],
      colorScheme: scheme,
      reducedMotion: 'no-preference',
      hasTouch: touch,
      storageState: state,
      timezoneId: zone,
      locale,
    });
    visitor.context.setDefaultTimeout(deadline_ms);
    visitor.faults = [];
    visitor.allowed = [];
    visitor.shifts = [];
    visitor.documents = new Map();
    await visitor.context.exposeBinding('__report', ({ page }, kind, detail) => {
      if (kind === 'shift') visitor.shifts.push({ ...detail, document: visitor.documents.get(page) ?? 0 });
      else visitor.faults.push(`${kind}: ${detail}`);
    });
    await visitor.context.addInitScript(watch);
    for (const script of before) await visitor.context.addInitScript(script);
    await visitor.context.tracing.start({ screenshots: false, snapshots: true });
    visitor.context.on('page', (page) => visitor.guard(page));
    visitor.page = await visitor.open_tab();
    return visitor;
  }

  async open_tab() {
    const page = await this.context.newPage();
    if (slowness > 1) {
      const devtools = await this.context.newCDPSession(page);
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowness });
    }
    return page;
  }

  // What has moved so far was moved by the user, which Chromium does not know of what a script does.
  async forget_shifts() {
    await frames(this.page);
    await this.page.evaluate(() => void window.__shifts.takeRecords());
    this.shifts = [];
  }

  guard(page) {
    const own = (url) =>
      ['data:', 'blob:', 'about:'].includes(new URL(url).protocol) ||
      new URL(url).host === new URL(this.deployment.url).host;
    const look_at = (url) => own(url) || this.faults.push(`a request to another host: ${url}`);
    page.on('request', (request) => {
      look_at(request.url());
      if (request.isNavigationRequest()) this.documents.set(page, (this.documents.get(page) ?? 0) + 1);
    });
    page.on('websocket', (socket) => look_at(socket.url()));
    page.on('pageerror', (error) => this.faults.push(`uncaught error: ${error.stack ?? error}`));
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      const text = `console ${message.type()}: ${message.text()} (${message.location().url})`;
      if (!this.allowed.some((pattern) => pattern.test(text))) this.faults.push(text);
    });
  }

  // Chromium logs every failed request to the console; a test declares those it causes.
  allow(...patterns) {
    this.allowed.push(...patterns);
  }

  layout_shift() {
    const documents = new Set(this.shifts.map((shift) => shift.document));
    return Math.max(
      0,
      ...[...documents].map((document) => cumulative_shift(this.shifts.filter((shift) => shift.document === document))),
    );
  }

  check() {
    assert.deepEqual(this.faults, [], 'the page must not do this');
    const told = this.shifts.map(
      (shift) => `${shift.value.toFixed(4)} at ${Math.round(shift.at)} ms on ${shift.hash}: ${shift.moved.join(', ')}`,
    );
    assert.ok(this.layout_shift() < 0.1, `the layout shifts (${this.layout_shift().toFixed(3)}):\n${told.join('\n')}`);
  }

  async leave(failed_as) {
    if (failed_as) {
      mkdirSync(output, { recursive: true });
      for (const [index, page] of this.context.pages().entries())
        await page.screenshot({ path: join(output, `${failed_as}${index || ''}.png`) }).catch(() => {});
      await this.context.tracing.stop({ path: join(output, `${failed_as}.zip`) }).catch(() => {});
    }
    await this.context.close();
  }
}

// What the tests of a file share: a browser and a deployment; visit() defines a test with one visitor.
export function stage(options, prepare = () => {}) {
  const here = {};
  before(async () => {
    here.browser = await launch();
    here.deployment = await Deployment.start(options);
    await prepare(here.deployment);
  });
  after(async () => {
    await here.browser?.close();
    await here.deployment?.stop();
  });

  // `options` are those of Visitor.arrive.
  function visit(name, options, body) {
    test(name, { timeout: 900_000 }, async (t) => {
      const visitor = await Visitor.arrive(here.browser, here.deployment, options);
      let failed_as = name.replaceAll(/[^a-z0-9]+/gi, '-');
      try {
        await body({ visitor, page: visitor.page, deployment: here.deployment, market: here.deployment.market });
        visitor.check();
        t.diagnostic(`layout shift ${visitor.layout_shift().toFixed(4)}: ${name}`);
        failed_as = null;
      } finally {
        await visitor.leave(failed_as);
      }
    });
  }
  return { here, visit };
}

// axe must not judge colours in between.
const transitions_end = (page) =>
  page.evaluate(() =>
    Promise.allSettled(
      document
        .getAnimations()
        .filter((animation) => animation instanceof CSSTransition)
        .map((transition) => transition.finished),
    ),
  );

// axe's violations, one line per rule. axe is injected by evaluate(), which the page's Content-Security-Policy allows.
export async function axe_findings(page) {
  await transitions_end(page);
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axe);
  const violations = await page.evaluate(
    async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations,
  );
  return violations.map(
    ({ impact, id, help, nodes }) =>
      `${impact} ${id}: ${help} — ${nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 160))
        .join(' | ')}`,
  );
}
