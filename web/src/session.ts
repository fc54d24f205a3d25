// The signed-in key, and what this browser stores. Without "remember me" everything ends with the browser's session; a
// webhook URL may be a chat's secret, so it is stored no longer than the key.
import { attempt } from './attempt.ts';

const prefix = 'pricewire.';
const settings = [
  'webhook_url',
  'ticker',
  'tickers',
  'interval',
  'steps',
  'chart_log',
  'chart_volume',
  'stars',
  'sort',
  'read_until',
] as const;
type Name = 'key' | (typeof settings)[number];

export interface StorageLike {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export class Session {
  private readonly brief: StorageLike;
  private readonly lasting: StorageLike;
  private key: string | null;
  /** The secret that was shown last, for samples that verify a webhook; never stored. */
  webhookSecret: string | null = null;

  constructor(brief: StorageLike, lasting: StorageLike) {
    this.brief = brief;
    this.lasting = lasting;
    this.key = this.read('key');
  }

  get apiKey(): string | null {
    return this.key;
  }

  /** Whether the key outlives the browser's session. */
  get remembered(): boolean {
    return this.key !== null && attempt(() => this.lasting.getItem(prefix + 'key')) === this.key;
  }

  signIn(key: string, remember: boolean): void {
    this.key = key;
    this.keep(remember);
  }

  keep(remember: boolean): void {
    const [to, from] = remember ? [this.lasting, this.brief] : [this.brief, this.lasting];
    if (this.key !== null) attempt(() => to.setItem(prefix + 'key', this.key!));
    attempt(() => from.removeItem(prefix + 'key'));
    const url = this.read('webhook_url');
    attempt(() => from.removeItem(prefix + 'webhook_url'));
    if (url !== null) attempt(() => to.setItem(prefix + 'webhook_url', url));
  }

  /** This browser's subscription for pushes, which outlives a session that was closed without signing out. */
  get device(): { id: string; endpoint: string } | null {
    const [id, endpoint] = attempt(() => this.lasting.getItem(prefix + 'device'))?.split(' ') ?? [];
    return id === undefined || endpoint === undefined ? null : { id, endpoint };
  }

  set device(device: { id: string; endpoint: string } | null) {
    if (device === null) attempt(() => this.lasting.removeItem(prefix + 'device'));
    else attempt(() => this.lasting.setItem(prefix + 'device', `${device.id} ${device.endpoint}`));
  }

  /** Forgets the key and its settings; those that another tab stored with a newer key stay. */
  signOut(): void {
    const ended = this.key;
    this.key = this.webhookSecret = null;
    for (const store of [this.brief, this.lasting]) {
      const kept = attempt(() => store.getItem(prefix + 'key'));
      if (kept !== null && kept !== ended) continue;
      for (const name of ['key', ...settings]) attempt(() => store.removeItem(prefix + name));
    }
  }

  /** Switches to the key that another tab stored in place of the shared one; false if there is none. */
  takeOver(): boolean {
    if (this.key === null || this.isOwn()) return false;
    const kept = attempt(() => this.lasting.getItem(prefix + 'key'));
    if (kept === null || kept === this.key) return false;
    this.key = kept;
    this.webhookSecret = null;
    return true;
  }

  /** What a change of the stored key by another tab means for this tab. */
  keyChanged(before: string | null, now: string | null): 'nothing' | 'another key' | 'signed out' {
    if (this.key === null || this.isOwn() || now === this.key) return 'nothing';
    if (now !== null) {
      this.key = now;
      this.webhookSecret = null;
      return 'another key';
    }
    if (before === this.key) return 'signed out';
    // That tab signed out of the key that this tab has just replaced, which also removed the new one.
    this.keep(true);
    return 'nothing';
  }

  /** Whether only this tab has the key. */
  private isOwn(): boolean {
    return attempt(() => this.brief.getItem(prefix + 'key')) !== null;
  }

  read(name: Name): string | null {
    return (
      attempt(() => this.brief.getItem(prefix + name)) ?? attempt(() => this.lasting.getItem(prefix + name))
    );
  }

  write(name: Exclude<Name, 'key'>, value: string): void {
    attempt(() => (this.remembered ? this.lasting : this.brief).setItem(prefix + name, value));
  }
}
