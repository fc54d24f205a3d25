import type { Api } from './api.ts';
import type { DayStats } from './day.ts';
import type { History } from './history.ts';
import type { Inbox } from './inbox.ts';
import type { Notifier } from './notify.ts';
import type { Push } from './push.ts';
import type { Session } from './session.ts';
import type { Store } from './store.ts';

/** What every view needs. */
export interface Context {
  api: Api;
  store: Store;
  session: Session;
  history: History;
  days: DayStats;
  notifier: Notifier;
  push: Push;
  inbox: Inbox;
  /** All firings so far have been seen. */
  readFirings(): void;
  signOut(message?: string): void;
  /**
   * Runs work that replaces the current key, with the stream closed: until the answer with the new key arrives, a
   * refusal of the old one, here or in another tab, must not sign the user out.
   */
  withoutStream<T>(work: () => Promise<T>): Promise<T>;
}

/** One page of the navigation. */
export interface View {
  element: HTMLElement;
  /** The id of the item that is open in the view, if it can open one; it may change over the view's life. */
  openId?(): string | null;
  /** What the view's list is narrowed to, as in the address. */
  query?(): string;
  /** What the window's title says in place of the view's name. */
  title?(): string;
  destroy(): void;
}
