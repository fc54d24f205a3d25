// How this browser shows the page: colours, time zone, number format, sound. Kept on the device, whoever is signed in.
import { attempt } from './attempt.ts';

export interface Settings {
  theme: 'system' | 'light' | 'dark';
  zone: string; // a name of the IANA database; empty: this computer's
  numbers: NumberFormat;
  sound: boolean;
}

export type NumberFormat = 'system' | 'point' | 'comma' | 'space';

interface Marks {
  group: string;
  decimal: string;
}

const name = 'pricewire.settings';
const defaults: Settings = { theme: 'system', zone: '', numbers: 'point', sound: false };
const marks: Record<Exclude<NumberFormat, 'system'>, Marks> = {
  point: { group: ',', decimal: '.' },
  comma: { group: '.', decimal: ',' },
  space: { group: '\u202f', decimal: ',' },
};

export class SettingsStore {
  private settings: Settings = defaults;
  private readonly listeners = new Set<() => void>();

  get now(): Settings {
    return this.settings;
  }

  /** How numbers are written: what sets thousands apart, and what begins the decimals. */
  get marks(): Marks {
    const { numbers } = this.settings;
    return numbers === 'system' ? marksOf(undefined) : marks[numbers];
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes what is kept on this device; again when another tab has changed it. */
  load(): void {
    this.settings = read(attempt(() => localStorage.getItem(name)));
    this.listeners.forEach((listener) => listener());
  }

  change(changed: Partial<Settings>): void {
    const next = JSON.stringify({ ...this.settings, ...changed });
    this.settings = read(next);
    attempt(() => localStorage.setItem(name, next));
    this.listeners.forEach((listener) => listener());
  }
}

export const settings = new SettingsStore();

/** What is unknown or damaged is as by default. */
export function read(text: string | null): Settings {
  const kept = attempt(() => JSON.parse(text ?? '{}') as Partial<Settings> | null) ?? {};
  const { theme, zone, numbers, sound } = kept;
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : defaults.theme,
    zone: typeof zone === 'string' && isZone(zone) ? zone : defaults.zone,
    numbers:
      numbers === 'system' || (numbers !== undefined && Object.hasOwn(marks, numbers))
        ? numbers
        : defaults.numbers,
    sound: sound === true,
  };
}

function isZone(zone: string): boolean {
  return zone === '' || attempt(() => new Intl.DateTimeFormat('en', { timeZone: zone })) !== null;
}

export function marksOf(locale: string | undefined): Marks {
  const parts = new Intl.NumberFormat(locale, {
    numberingSystem: 'latn',
    useGrouping: 'always',
  } as object).formatToParts(12345.5);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return { group: of('group'), decimal: of('decimal') };
}
