// Waiting for conditions: generous deadlines, no fixed sleeps that a slow machine could break.
export const deadline_ms = 30_000;

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
