// The page as an app: registers the service worker, and keeps the browser's offer to install until a button takes it up.

interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
}

let offer: InstallOffer | null = null;
const listeners = new Set<() => void>();

function keep(next: InstallOffer | null): void {
  offer = next;
  listeners.forEach((listener) => listener());
}

/** `onRenewed`: the browser has replaced its subscription for pushes. */
export function beInstallable(onRenewed: () => void): void {
  window.addEventListener('beforeinstallprompt', (e) => {
    e.preventDefault();
    keep(e as InstallOffer);
  });
  window.addEventListener('appinstalled', () => keep(null));
  // A press on a notification.
  navigator.serviceWorker?.addEventListener('message', (e: MessageEvent<{ show?: string; renew?: true }>) => {
    if (e.data.show !== undefined) location.hash = e.data.show;
    if (e.data.renew) onRenewed();
  });
  navigator.serviceWorker?.register('/sw.js').catch(() => {}); // forbidden in some private windows
}

export const canInstall = (): boolean => offer !== null;

export function onInstallable(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function install(): Promise<void> {
  await offer?.prompt();
  keep(null);
}
