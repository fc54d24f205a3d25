// Firings that the user has not seen yet: counted at the bell, in the title and on the icon, until they are read.
import type { Alert, FiringAnswer } from './types.ts';

export interface Entry {
  key: string;
  alert: Alert; // as of the firing
  at: number; // milliseconds
  deliveryId: string | null;
}

const mostKept = 200;

export class Inbox {
  private readonly entries = new Map<string, Entry>();
  private until = Infinity; // everything up to here has been read

  /** Newest first; those that were read lately too. */
  get all(): Entry[] {
    return [...this.entries.values()].sort((a, b) => b.at - a.at);
  }

  get unread(): number {
    let count = 0;
    for (const entry of this.entries.values()) count += Number(this.isUnread(entry));
    return count;
  }

  isUnread(entry: Entry): boolean {
    return entry.at > this.until;
  }

  /** For another user, who has read everything up to a moment; null: all that has fired before the first list. */
  begin(until: number | null): void {
    this.entries.clear();
    this.until = until ?? Infinity;
  }

  /** Here, or in another tab. */
  readUntil(until: number): void {
    this.until = Math.max(this.until, until);
  }

  /** By the server's clock, which firings carry. Returns until when everything has been read now. */
  read(): number {
    this.until = Math.max(this.until, ...[...this.entries.values()].map((entry) => entry.at));
    return this.until;
  }

  /** False: it was known. */
  take(alert: Alert, firing?: FiringAnswer): boolean {
    const at = Date.parse(firing?.fired_at ?? alert.triggered_at ?? '');
    const key = `${alert.id} ${firing?.number ?? alert.firings ?? 1}`;
    const known = this.entries.get(key);
    if (Number.isNaN(at) || (known !== undefined && (known.deliveryId !== null || !firing?.delivery_id)))
      return false;
    this.entries.set(key, { key, alert, at, deliveryId: firing?.delivery_id ?? null });
    if (this.entries.size > mostKept) this.entries.delete(this.all.at(-1)!.key);
    return known === undefined;
  }

  /** What fired while the page was closed: lists have the last firing of each alert. */
  fill(alerts: readonly Alert[]): void {
    const fired = alerts.filter((alert) => alert.triggered_at !== null);
    if (this.until === Infinity)
      this.until = Math.max(0, ...fired.map((alert) => Date.parse(alert.triggered_at!)));
    for (const alert of fired) if (Date.parse(alert.triggered_at!) > this.until) this.take(alert);
  }
}
