// Waiting for conditions: generous deadlines, no sleeps that a slow machine could make wrong.
export const deadline_ms = 30_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks until the answer is truthy, and gives that answer back. `condition` may throw to give up at once.
export async function until(what, condition, { timeout = deadline_ms, every = 50 } = {}) {
  const end = performance.now() + timeout;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`waited ${timeout / 1000} s for ${what}`);
    await pause(every);
  }
}
