// Waiting for conditions: generous deadlines, no fixed sleeps that a slow machine could break.
export const deadline_ms = 60_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until the result is truthy, and returns it. `condition` may throw to give up at once.
export async function until(what, condition, { timeout = deadline_ms, every = 50 } = {}) {
  const end = performance.now() + timeout;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited ${timeout / 1000} s for ${what}`);
    await pause(every);
  }
}

// The value of `read` once it is the same twice, two frames apart: what the page draws later has been drawn.
export async function settled(page, what, read) {
  let last;
  return until(`${what} to settle`, async () => {
    const before = last;
    await frames(page);
    last = await read();
    return last !== null && JSON.stringify(last) === JSON.stringify(before) && { value: last };
  }).then(({ value }) => value);
}

// Two frames: whatever was asked to be drawn in the next one has been drawn.
export const frames = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
