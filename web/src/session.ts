// Who is signed in, and what this browser keeps. Until "remember me" is asked for, everything goes with the browser's
// session; a webhook's URL may be a secret of a chat, so it is kept no longer than the key.

const prefix = 'pricewire.';
type Name = 'key' | 'webhook_url' | 'ticker' | 'interval';

export interface StorageLike {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export class Session {
  private readonly brief: StorageLike;
  private readonly lasting: StorageLike;
  private key: string | null;

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

  /** Forgets the key and what came with it; what another tab keeps under a newer key stays. */
  signOut(): void {
    const ended = this.key;
    this.key = null;
    for (const store of [this.brief, this.lasting]) {
      const kept = attempt(() => store.getItem(prefix + 'key'));
      if (kept !== null && kept !== ended) continue;
      for (const name of ['key', 'webhook_url', 'ticker', 'interval'])
        attempt(() => store.removeItem(prefix + name));
    }
  }

  /** Goes on with the key that another tab has kept in place of the one it shared with this tab, if there is one. */
  takeOver(): boolean {
    if (this.key === null || this.isOwn()) return false;
    const kept = attempt(() => this.lasting.getItem(prefix + 'key'));
    if (kept === null || kept === this.key) return false;
    this.key = kept;
    return true;
  }

  /** What it means for this tab that another one has changed the key that is kept on this device. */
  keyChanged(before: string | null, now: string | null): 'nothing' | 'another key' | 'signed out' {
    if (this.key === null || this.isOwn() || now === this.key) return 'nothing';
    if (now !== null) {
      this.key = now;
      return 'another key';
    }
    if (before === this.key) return 'signed out';
    // That tab ended the key that this one has just replaced, and the new one went with it.
    this.keep(true);
    return 'nothing';
  }

  /** Whether the key is this tab's alone. */
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

/** Storage may be forbidden or full; then nothing is kept, and the page works on. */
function attempt<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
