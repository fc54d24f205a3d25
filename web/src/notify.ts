// Browser notifications: permission is requested by a button; shown when an alert fires.
import { groupDigits } from './decimal.ts';
import { alertTitle, firedInWords } from './format.ts';
import type { Alert } from './types.ts';

export type Permission = NotificationPermission | 'unsupported';

export class Notifier {
  private readonly listeners = new Set<() => void>();
  private readonly isPushed: () => boolean;

  /** `isPushed`: this device is also notified by pushes. */
  constructor(isPushed: () => boolean) {
    this.isPushed = isPushed;
  }

  get permission(): Permission {
    return typeof Notification === 'undefined' ? 'unsupported' : Notification.permission;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async ask(): Promise<void> {
    if (this.permission === 'default') await Notification.requestPermission();
    this.changed();
  }

  /** The permission may have changed. */
  changed(): void {
    this.listeners.forEach((listener) => listener());
  }

  fired(alert: Alert): void {
    if (this.permission !== 'granted') return;
    const title = alertTitle(alert, groupDigits);
    const options = {
      body: [firedInWords(alert, groupDigits), alert.note].filter((text) => text !== '').join(' '),
      tag: `${alert.id} ${alert.firings ?? 1}`,
      data: '#/alerts',
    };
    const showByWorker = (): void =>
      void navigator.serviceWorker?.ready
        .then((worker) => worker.showNotification(title, options))
        .catch(() => {});
    // The push of the same firing replaces it, which it does among those of the worker alone.
    if (this.isPushed()) return showByWorker();
    try {
      const shown = new Notification(title, options);
      shown.onclick = () => {
        window.focus();
        location.hash = options.data;
        shown.close();
      };
    } catch {
      // Phones show notifications only through the service worker, which also handles a press on one.
      showByWorker();
    }
  }
}

export function permissionInWords(permission: Permission): string {
  switch (permission) {
    case 'granted':
      return 'This device shows a notification when an alert fires while the page is open, also in the background.';
    case 'denied':
      return 'Notifications are blocked. Allow them in the browser’s settings for this site.';
    case 'default':
      return 'This device can show a notification when an alert fires while the page is open, also in the background.';
    default:
      return 'This browser shows no notifications. On an iPhone, add the page to the home screen first.';
  }
}
