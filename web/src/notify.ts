// Browser notifications: permission is requested by a button; shown when an alert fires.
import { groupDigits } from './decimal.ts';
import { alertTitle, firedInWords } from './format.ts';
import type { Alert } from './types.ts';

export type Permission = NotificationPermission | 'unsupported';

export class Notifier {
  private readonly listeners = new Set<() => void>();

  get permission(): Permission {
    return typeof Notification === 'undefined' ? 'unsupported' : Notification.permission;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async ask(): Promise<void> {
    if (this.permission === 'default') await Notification.requestPermission();
    this.listeners.forEach((listener) => listener());
  }

  fired(alert: Alert): void {
    if (this.permission !== 'granted') return;
    try {
      const shown = new Notification(alertTitle(alert, groupDigits), {
        body: [firedInWords(alert, groupDigits), alert.note].filter((text) => text !== '').join(' '),
        tag: alert.id,
      });
      shown.onclick = () => {
        window.focus();
        location.hash = '#/alerts';
        shown.close();
      };
    } catch {
      // Some mobile browsers define Notification but cannot show one from a page; the toast still appears.
    }
  }
}

export function permissionInWords(permission: Permission): string {
  switch (permission) {
    case 'granted':
      return 'This browser notifies you when an alert fires while the page is open.';
    case 'denied':
      return 'Notifications are blocked. Allow them in the browser’s settings for this site.';
    case 'default':
      return 'This browser can notify you when an alert fires while the page is open.';
    default:
      return 'This browser does not support notifications.';
  }
}
