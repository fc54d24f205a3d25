// Where a message can be shown without covering anything that one may be about to press.

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const margin = 8; // around the message
const stepDown = 16;
const stepAside = 40;

function overlap(a: Box, b: Box): number {
  const width = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const height = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

/** How much of the obstacles a box covers, in square pixels. */
export function covered(box: Box, obstacles: readonly Box[]): number {
  let sum = 0;
  for (const obstacle of obstacles) sum += overlap(box, obstacle);
  return sum;
}

/**
 * The place that covers nothing, as far up as there is one, and there as far right; else the one that covers least. The
 * boxes are relative to `screen`'s.
 */
export function placeToast(
  size: { width: number; height: number },
  screen: Box,
  obstacles: readonly Box[],
): Box {
  const near = obstacles.filter((obstacle) => overlap(obstacle, screen) > 0);
  const last = {
    left: screen.left + screen.width - size.width - margin,
    top: screen.top + screen.height - size.height,
  };
  let best: Box = { ...size, left: last.left, top: screen.top + margin };
  let least = Infinity;
  for (let top = screen.top + margin; top <= last.top - margin; top += stepDown) {
    for (let left = last.left; left >= screen.left + margin; left -= stepAside) {
      const around = {
        left: left - margin / 2,
        top: top - margin / 2,
        width: size.width + margin,
        height: size.height + margin,
      };
      const covers = covered(around, near);
      if (covers >= least) continue;
      least = covers;
      best = { ...size, left, top };
      if (covers === 0) return best;
    }
  }
  return best;
}
