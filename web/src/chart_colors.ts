// The style's colours, for what is drawn on a canvas.

export interface Colors {
  up: string;
  down: string;
  grid: string;
  text: string;
  strong: string;
  panel: string;
  accent: string;
}

export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    up: of('--up'),
    down: of('--down'),
    grid: of('--grid'),
    text: of('--muted'),
    strong: of('--border-strong'),
    panel: of('--panel'),
    accent: of('--accent'),
  };
}
