// Light or dark, as the user or the system wants it: `data-theme` of the document, which the style follows.
import type { SettingsStore } from './settings.ts';

const bars = { light: '#ffffff', dark: '#12161d' };

export function followTheme(settings: SettingsStore): void {
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    const { theme } = settings.now;
    const shown = theme === 'system' ? (prefersDark.matches ? 'dark' : 'light') : theme;
    document.documentElement.dataset['theme'] = shown;
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', bars[shown]);
  };
  apply();
  prefersDark.addEventListener('change', apply);
  settings.onChange(apply);
}
