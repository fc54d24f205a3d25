// Notifications while the page is closed: this browser's subscription at its push service, which the server keeps as one
// of the user's devices.
import type { Api } from './api.ts';
import type { Session } from './session.ts';
import type { Device, Devices } from './types.ts';

const path = '/api/v1/push/subscriptions';

/** Whether this browser can; on an iPhone only once the page is on the home screen. */
export const canPush = (): boolean =>
  typeof PushManager !== 'undefined' &&
  typeof Notification !== 'undefined' &&
  navigator.serviceWorker !== undefined;

/** "Firefox on Linux": what a device is called in the list of devices. */
export function deviceName(agent: string): string {
  const find = (names: readonly (readonly [RegExp, string])[], otherwise: string): string =>
    names.find(([pattern]) => pattern.test(agent))?.[1] ?? otherwise;
  return `${find(browsers, 'Browser')} on ${find(systems, 'another system')}`;
}
// The first that matches: most browsers also name those that they descend from.
const browsers = [
  [/\bEdg(A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const systems = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bLinux\b/, 'Linux'],
] as const;

/** Whether a subscription was made for the server with that key: one of another can be pushed to by nobody here. */
export function isFor(key: ArrayBuffer | null | undefined, publicKey: string): boolean {
  const text = btoa(String.fromCharCode(...new Uint8Array(key ?? new ArrayBuffer(0))));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') === publicKey;
}

export class Push {
  private readonly api: Api;
  private readonly session: Session;

  constructor(api: Api, session: Session) {
    this.api = api;
    this.session = session;
  }

  /** The user's devices. */
  async devices(): Promise<Devices> {
    return (await this.api.get<Devices>('/api/v1/push')).body;
  }

  /** Whether this browser is one of them. */
  isOn(devices: Devices): boolean {
    return devices.subscriptions.some((device) => device.id === this.session.device?.id);
  }

  /** To be called by a press: browsers ask whether notifications are wanted. False: they are not. */
  async turnOn(): Promise<boolean> {
    if ((await Notification.requestPermission()) !== 'granted') return false;
    await this.subscribe();
    return true;
  }

  async turnOff(id: string): Promise<void> {
    await this.api.delete(`${path}/${id}`);
    if (id === this.session.device?.id) await this.forget();
  }

  async test(id: string): Promise<void> {
    await this.api.post(`${path}/${id}/test`);
  }

  /** Before a sign-out. What does not reach the server ends when its next push is answered with 410. */
  leave(key: string | null): void {
    const { device } = this.session;
    if (device === null) return;
    if (key !== null)
      void fetch(`${path}/${device.id}`, {
        method: 'DELETE',
        headers: { 'X-API-Key': key },
        credentials: 'omit',
        keepalive: true,
      }).catch(() => {});
    void this.forget();
  }

  /** After a sign-in: the browser may have replaced its subscription while the page was closed. */
  async renew(): Promise<void> {
    const { device } = this.session;
    if (device === null || !canPush() || Notification.permission !== 'granted') return;
    const manager = await managerOf();
    if ((await manager.getSubscription())?.endpoint === device.endpoint) return;
    await this.subscribe();
    const { device: now } = this.session;
    if (now !== null && now.id !== device.id) await this.api.delete(`${path}/${device.id}`).catch(() => {});
  }

  private async subscribe(): Promise<void> {
    const { public_key } = await this.devices();
    if (public_key === null) throw new Error('This server sends no pushes.');
    const manager = await managerOf();
    const before = await manager.getSubscription();
    if (before !== null && !isFor(before.options.applicationServerKey, public_key))
      await before.unsubscribe();
    const subscription = await manager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key });
    const body = JSON.stringify({ ...subscription.toJSON(), label: deviceName(navigator.userAgent) });
    const made = await this.api.post<Device>(path, body);
    this.session.device = { id: made.id, endpoint: subscription.endpoint };
  }

  private async forget(): Promise<void> {
    this.session.device = null;
    const subscription = await (await managerOf()).getSubscription();
    await subscription?.unsubscribe();
  }
}

const managerOf = async (): Promise<PushManager> => (await navigator.serviceWorker.ready).pushManager;

/** Why it failed, if the browser says so in words that help nobody. */
export function pushProblem(error: unknown): string | null {
  if (!(error instanceof DOMException)) return null;
  if (error.name === 'NotAllowedError') return 'Notifications are blocked for this site.';
  return 'The browser’s push service cannot be reached. Private windows, and some browsers, have none.';
}
