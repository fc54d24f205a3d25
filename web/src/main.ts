// The page: the views for a signed-in user, the sign-in page otherwise.
import { Api, messageOf } from './api.ts';
import type { Context, View } from './context.ts';
import { groupDigits } from './decimal.ts';
import { setAttribute, setText } from './dom.ts';
import { alertTitle, firedInWords } from './format.ts';
import { History } from './history.ts';
import { Notifier } from './notify.ts';
import { queryOf, routeOf } from './route.ts';
import { Session } from './session.ts';
import { settings } from './settings.ts';
import { Store } from './store.ts';
import { Stream } from './stream.ts';
import './style/index.css';
import { followTheme } from './theme.ts';
import { clearToasts, toast } from './toast.ts';
import { accountView } from './views/account.ts';
import { alertsView } from './views/alerts.ts';
import { deliveriesView } from './views/deliveries.ts';
import { endpointsView } from './views/endpoints.ts';
import { marketView } from './views/market.ts';
import { shell } from './views/shell.ts';
import { signInView } from './views/signin.ts';
import { sourcesView } from './views/sources.ts';
import { startView } from './views/start.ts';

settings.load();
followTheme(settings);
const root = document.getElementById('app')!;
const session = new Session(sessionStorageOr(), localStorageOr());
const api = new Api({
  key: () => session.apiKey,
  onUnauthorized: refused,
});
const store = new Store(api);
const history = new History(api, store);
const notifier = new Notifier();
const context: Context = { api, store, session, history, notifier, signOut, withoutStream };

const stream = new Stream(() => session.apiKey, {
  onConnection: (text, live) => store.setConnection(text, live),
  onMessage: (message) => store.apply(message),
  onReload: () => void reload(),
  onCatchUp: () => history.reload(),
  onUnauthorized: refused,
});

store.onFired = (alert) => {
  notifier.fired(alert);
  const fired = `${alert.late ? 'Fired late' : 'Fired'}: ${alertTitle(alert, groupDigits)}.`;
  toast(`${fired} ${firedInWords(alert, groupDigits)}`.trim(), 'good', {
    label: 'Deliveries',
    run: () => (location.hash = '#/deliveries'),
  });
};

type Make = (id: string | null, query: string) => View;
const routes: Record<RouteName, { title: string; make: Make; unlisted?: true }> = {
  market: { title: 'Market', make: () => marketView(context) },
  alerts: { title: 'Alerts', make: (_, query) => alertsView(context, query) },
  deliveries: { title: 'Deliveries', make: (id, query) => deliveriesView(context, id, query) },
  endpoints: { title: 'Endpoints', make: (id, query) => endpointsView(context, id, query) },
  sources: { title: 'Sources', make: () => sourcesView(context) },
  account: { title: 'Account', make: () => accountView(context) },
  start: { title: 'First steps', make: () => startView(context), unlisted: true },
};
type RouteName = 'market' | 'alerts' | 'deliveries' | 'endpoints' | 'sources' | 'account' | 'start';

const mostOpened = 50;

let frame: ReturnType<typeof shell> | null = null;
let view: View | null = null;
let shown: RouteName | null = null;
// How many key replacements are in progress, and the message of a sign-out that happened meanwhile.
let replacements = 0;
let signedOutMeanwhile: string | null = null;
const notValid = 'Your API key is no longer valid. Sign in with the new one.';

function showRoute(focus: boolean): void {
  if (frame === null) return;
  const [name, id] = routeOf(location.hash, routes, 'market');
  const query = queryOf(location.hash);
  // The view itself may have opened or closed an item, or narrowed its list, and set the hash.
  if (name === shown && id === (view?.openId?.() ?? null) && query === (view?.query?.() ?? '')) return;
  shown = name;
  view?.destroy();
  view = routes[name].make(id, query);
  frame.show(name, view.element);
  document.title = `${routes[name].title} · Pricewire`;
  scrollTo(0, 0);
  // Screen readers announce where a link led.
  if (focus) view.element.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
}

function enter(focus: boolean): void {
  frame = shell(
    context,
    Object.entries(routes)
      .filter(([, { unlisted }]) => !unlisted)
      .map(([name, { title }]) => ({ name, title })),
  );
  shown = null;
  for (const ticker of (session.read('tickers') ?? '').split(',').slice(-mostOpened))
    if (ticker !== '') store.open(ticker);
  root.replaceChildren(frame.element);
  if (location.hash === '') window.history.replaceState(null, '', '#/market');
  showRoute(focus);
  stream.start();
  // The stream triggers loading the lists when it is ready; load them anyway if it cannot connect.
  setTimeout(() => {
    if (session.apiKey !== null && !store.alertsLoaded) void loadLists();
  }, 3000);
}

/** Ends everything that belongs to the current key. */
function clear(): void {
  stream.stop();
  view?.destroy();
  frame?.destroy();
  view = frame = null;
  store.clear();
  history.clear();
  clearToasts();
}

function leave(message: string): void {
  clear();
  document.title = 'Pricewire';
  const signIn = signInView(api, message, (key, remember, secret) => {
    session.signIn(key, remember);
    session.webhookSecret = secret;
    if (secret !== null) window.history.replaceState(null, '', '#/start');
    enter(true);
  });
  root.replaceChildren(signIn.element);
}

function signOut(message = ''): void {
  if (session.apiKey === null && frame === null) return;
  if (replacements > 0) {
    signedOutMeanwhile = message;
    return;
  }
  session.signOut();
  api.reset();
  window.history.replaceState(null, '', location.pathname);
  leave(message);
  root.querySelector<HTMLElement>('h1')?.focus();
}

/** The key was refused; another tab may have replaced it and may store the new one a moment later. */
function refused(): void {
  if (replacements > 0) return;
  if (session.takeOver()) return goOn();
  if (!session.remembered) return signOut(notValid);
  const key = session.apiKey;
  setTimeout(() => {
    if (replacements > 0 || session.apiKey !== key) return;
    if (session.takeOver()) goOn();
    else signOut(notValid);
  }, 2000);
}

/** Restarts with the key of another tab, which may be another user's. */
function goOn(): void {
  clear();
  enter(false);
}

async function withoutStream<T>(work: () => Promise<T>): Promise<T> {
  const { remembered } = session;
  let done = false;
  stream.stop();
  ++replacements;
  try {
    const result = await work();
    done = true;
    return result;
  } finally {
    if (--replacements === 0) afterReplacement(!done && remembered);
  }
}

/** Handles what was postponed meanwhile; `shared`: another tab may have ended the key. */
function afterReplacement(shared: boolean): void {
  const message = signedOutMeanwhile;
  signedOutMeanwhile = null;
  if (message !== null) signOut(message);
  else if (session.takeOver()) goOn();
  else if (shared && !session.remembered) signOut('You signed out in another tab.');
  else if (session.apiKey !== null) stream.start();
}

async function loadLists(): Promise<void> {
  try {
    await Promise.all([store.loadAlerts(), store.loadDeliveries()]);
  } catch (error) {
    if (session.apiKey !== null)
      toast(messageOf(error), 'bad', { label: 'Try again', run: () => void loadLists() });
  }
}

async function reload(): Promise<void> {
  history.reload();
  await loadLists();
}

window.addEventListener('hashchange', () => showRoute(true));
// Another tab has replaced the key it shares with this one, or has signed out.
window.addEventListener('storage', (e) => {
  if (e.key === 'pricewire.settings') settings.load();
  if (e.key !== 'pricewire.key' || frame === null || replacements > 0) return;
  const change = session.keyChanged(e.oldValue, e.newValue);
  if (change === 'another key') goOn();
  else if (change === 'signed out') signOut('You signed out in another tab.');
});
settings.onChange(() => store.showAgain());
store.on(['opened', 'alerts'], () => stream.watch(store.wanted));
store.on(['opened'], () => session.write('tickers', [...store.opened].join()));
store.on(['connection'], () => {
  if (frame === null) return;
  setText(frame.connection, store.connection.text);
  setAttribute(frame.connection, 'data-live', String(store.connection.live));
});

// Without permission to use storage, the page works as long as it is open.
function sessionStorageOr(): Storage {
  return storageOr(() => window.sessionStorage);
}
function localStorageOr(): Storage {
  return storageOr(() => window.localStorage);
}
function storageOr(get: () => Storage): Storage {
  try {
    return get();
  } catch {
    return { getItem: () => null, setItem: () => {}, removeItem: () => {} } as unknown as Storage;
  }
}

document.querySelector('noscript')?.remove();
if (session.apiKey === null) leave('');
else enter(false);
