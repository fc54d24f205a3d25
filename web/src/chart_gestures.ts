// Where a right click or a long press on the chart asks for a new alert; whatever else a pointer does is the chart's.

const longPress = 500;
const stillness = 8; // pixels within which a finger has not moved

interface Plot {
  /** Whether a point, in pixels from the chart's corner, is among the candles. */
  isIn(x: number, y: number): boolean;
  /** Whether a line has it for itself. */
  owns(target: EventTarget | null): boolean;
  pick(y: number): void;
}

export function listenForPicks(root: HTMLElement, plot: Plot): void {
  const pointOf = (e: MouseEvent): { x: number; y: number } => {
    const box = root.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  };
  root.addEventListener('contextmenu', (e) => {
    const { x, y } = pointOf(e);
    if (!plot.isIn(x, y)) return;
    e.preventDefault();
    plot.pick(y);
  });
  let press: { x: number; y: number; timer: ReturnType<typeof setTimeout> } | null = null;
  const end = (): void => {
    if (press !== null) clearTimeout(press.timer);
    press = null;
  };
  root.addEventListener('pointerdown', (e) => {
    // A second finger begins a pinch.
    end();
    const { x, y } = pointOf(e);
    if (e.pointerType !== 'touch' || !e.isPrimary || !plot.isIn(x, y) || plot.owns(e.target)) return;
    press = { x, y, timer: setTimeout(() => plot.pick(y), longPress) };
  });
  root.addEventListener('pointermove', (e) => {
    const { x, y } = pointOf(e);
    if (press !== null && Math.hypot(x - press.x, y - press.y) > stillness) end();
  });
  for (const name of ['pointerup', 'pointercancel'] as const) root.addEventListener(name, end);
}
