import type { Api } from './api.ts';
import type { History } from './history.ts';
import type { Notifier } from './notify.ts';
import type { Session } from './session.ts';
import type { Store } from './store.ts';

/** What every view works with. */
export interface Context {
  api: Api;
  store: Store;
  session: Session;
  history: History;
  notifier: Notifier;
  signOut(message?: string): void;
  /**
   * Does what ends the present key, with the stream closed: that it is refused, here or in another tab, must not be
   * taken for the end before the answer with the new one is here.
   */
  withoutStream<T>(work: () => Promise<T>): Promise<T>;
}

/** One page behind a link of the navigation. */
export interface View {
  element: HTMLElement;
  /** What is opened in it right now, where it can open something: it may have changed since it was made. */
  openId?(): string | null;
  destroy(): void;
}
