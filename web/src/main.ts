// The page: the views for a signed-in user, the sign-in page otherwise.
import { Api, messageOf } from './api.ts';
import { attempt } from './attempt.ts';
import type { Context, View } from './context.ts';
import { groupDigits } from './decimal.ts';
import { once, paced } from './dom.ts';
import { alertTitle, firedInWords } from './format.ts';
import { showBadge, titleWith } from './badge.ts';
import { DayStats } from './day.ts';
import { History } from './history.ts';
import { Inbox } from './inbox.ts';
import { beInstallable } from './install.ts';
import { Notifier } from './notify.ts';
import { Push } from './push.ts';
import { queryOf, routeOf } from './route.ts';
import { Session, type StorageLike } from './session.ts';
import { settings } from './settings.ts';
import { chimeOnce } from './sound.ts';
import { Store } from './store.ts';
import { Stream } from './stream.ts';
import './style/index.css';
import { followTheme } from './theme.ts';
import { clearToasts, lastingToast, toast, type Toast } from './toast.ts';
import { accountView } from './views/account.ts';
import { alertsView } from './views/alerts.ts';
import { deliveriesView } from './views/deliveries.ts';
import { endpointsView } from './views/endpoints.ts';
import { marketView } from './views/market.ts';
import { shell } from './views/shell.ts';
import { keyNotValid, signInView } from './views/signin.ts';
import { sourcesView } from './views/sources.ts';
import { startView } from './views/start.ts';

settings.load();
followTheme(settings);
const root = document.getElementById('app')!;
// Without permission to use storage, the page works as long as it is open.
const noStorage: StorageLike = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
const session = new Session(
  attempt(() => window.sessionStorage) ?? noStorage,
  attempt(() => window.localStorage) ?? noStorage,
);
const api = new Api({
  key: () => session.apiKey,
  onUnauthorized: refused,
});
const store = new Store(api);
const history = new History(api, store);
const days = new DayStats(api);
const push = new Push(api, session);
const notifier = new Notifier(() => session.device !== null);
const inbox = new Inbox();
const context: Context = {
  api,
  store,
  session,
  history,
  days,
  notifier,
  push,
  inbox,
  readFirings,
  signOut,
  withoutStream,
};

const stream = new Stream(() => session.apiKey, {
  onConnection: (text, live) => store.setConnection(text, live),
  onMessage: (message) => store.apply(message),
  onReload: () => void reload(),
  onCatchUp: reloadPrices,
  onUnauthorized: refused,
});

// Those that fire while the message of one is shown are added to it.
let firedToast: { toast: Toast; count: number } | null = null;

store.onFired = (alert, firing) => {
  inbox.take(alert, firing);
  firingsChanged();
  notifier.fired(alert);
  if (settings.now.sound) chimeOnce();
  const text = `${alertTitle(alert, groupDigits)}. ${firedInWords(alert, groupDigits)}`.trim();
  if (firedToast?.toast.isShown) {
    firedToast.toast.say(`${++firedToast.count} alerts fired. The last: ${text}`);
  } else {
    const open = { label: 'Show', run: () => frame?.bell.open() };
    const said = `${alert.late ? 'Fired late' : 'Fired'}: ${text}`;
    firedToast = { toast: lastingToast(said, 'good', open), count: 1 };
  }
};

function readFirings(): void {
  session.write('read_until', String(inbox.read()));
  firedToast?.toast.close();
  firingsChanged();
}

function firingsChanged(): void {
  frame?.bell.render();
  showBadge(frame === null ? 0 : inbox.unread);
  showTitle();
}

function showTitle(): void {
  if (shown === null) return void (document.title = 'Pricewire');
  const title = titleWith(inbox.unread, view?.title?.() ?? routes[shown].title);
  if (document.title !== title) document.title = title;
}

type Make = (id: string | null, query: string) => View;
const routes: Record<RouteName, { title: string; make: Make; unlisted?: true }> = {
  market: { title: 'Market', make: () => marketView(context) },
  alerts: { title: 'Alerts', make: (_, query) => alertsView(context, query) },
  deliveries: { title: 'Deliveries', make: (id, query) => deliveriesView(context, id, query) },
  endpoints: { title: 'Endpoints', make: (id) => endpointsView(context, id) },
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
  showTitle();
  scrollTo(0, 0);
  // Screen readers announce where a link led.
  if (focus) view.element.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
}

/** If it fails, the next start does it. */
function renewPush(): void {
  if (session.apiKey !== null) void push.renew().catch(() => {});
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
  const readUntil = session.read('read_until');
  inbox.begin(readUntil === null ? null : Number(readUntil));
  firingsChanged();
  if (location.hash === '') window.history.replaceState(null, '', '#/market');
  showRoute(focus);
  stream.start();
  renewPush();
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
  view = frame = shown = firedToast = null;
  store.clear();
  history.clear();
  days.clear();
  clearToasts();
  firingsChanged();
}

function leave(message: string): void {
  clear();
  const signIn = signInView(api, message, (key, remember, made) => {
    session.signIn(key, remember);
    session.webhookSecret = made?.secret ?? null;
    if (made?.kept) session.write('steps', 'key');
    if (made !== undefined) window.history.replaceState(null, '', '#/start');
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
  push.leave(session.apiKey);
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
  if (!session.remembered) return signOut(keyNotValid);
  const key = session.apiKey;
  setTimeout(() => {
    if (replacements > 0 || session.apiKey !== key) return;
    if (session.takeOver()) goOn();
    else signOut(keyNotValid);
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

function reloadPrices(): void {
  history.reload();
  days.reload();
}

async function reload(): Promise<void> {
  reloadPrices();
  await loadLists();
}

window.addEventListener('hashchange', () => showRoute(true));
// Another tab has replaced the key it shares with this one, or has signed out.
window.addEventListener('storage', (e) => {
  if (e.key === 'pricewire.settings') settings.load();
  if (e.key === 'pricewire.read_until' && e.newValue !== null && frame !== null) {
    inbox.readUntil(Number(e.newValue));
    firingsChanged();
  }
  if (e.key !== 'pricewire.key' || frame === null || replacements > 0) return;
  const change = session.keyChanged(e.oldValue, e.newValue);
  if (change === 'another key') goOn();
  else if (change === 'signed out') signOut('You signed out in another tab.');
});
settings.onChange(() => store.showAgain());
// Many alerts may change at once.
const alertsChanged = once(() => {
  stream.watch(store.wanted);
  if (store.alertsLoaded) inbox.fill(store.alerts);
  firingsChanged();
});
store.on(['opened', 'alerts'], alertsChanged);
store.on(['opened'], () => session.write('tickers', [...store.opened].join()));
store.on(['connection'], () => frame?.render());
store.on(['prices', 'opened'], paced(() => frame?.render(), 250).ask);
// A timer: the title is what is seen of a page in the background.
store.on(['prices'], once(showTitle, 1000));

beInstallable(renewPush);
document.querySelector('noscript')?.remove();
if (session.apiKey === null) leave('');
else enter(false);
