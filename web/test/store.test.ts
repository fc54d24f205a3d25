import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer, Api } from '../src/api.ts';
import { Session, type StorageLike } from '../src/session.ts';
import { Store } from '../src/store.ts';
import type { Alert, Delivery } from '../src/types.ts';

const alert = (id: string, active = true): Alert => ({ id, is_active: active, ticker: 'BTC' }) as Alert;
const delivery = (id: string, status: Delivery['status']): Delivery => ({ id, status }) as Delivery;

function storeWith(answer: (path: string) => Promise<Answer<unknown>> | Answer<unknown>) {
  const asked: string[] = [];
  const api = {
    get: async (path: string) => {
      asked.push(path);
      return answer(path);
    },
  } as unknown as Api;
  return { store: new Store(api), asked };
}

test('lists are newest first, and the next page continues where the last one ended', async () => {
  const { store, asked } = storeWith((path) => {
    if (path.includes('cursor')) return { body: [alert('1', false)], next: null };
    return path.includes('true')
      ? { body: [alert('5'), alert('3')], next: null }
      : { body: [alert('4', false)], next: '/more?cursor=x' };
  });
  await store.loadAlerts();
  assert.deepEqual(
    store.alerts.map((a) => a.id),
    ['5', '4', '3'],
  );
  await store.loadMoreAlerts();
  assert.deepEqual(
    store.alerts.map((a) => a.id),
    ['5', '4', '3', '1'],
  );
  assert.equal(asked.at(-1), '/more?cursor=x');
  await store.loadMoreAlerts();
  assert.equal(asked.length, 3, 'there is no further page');
});

test('stream updates received while a list loads are newer than the list', async () => {
  let answer: (a: Answer<unknown>) => void = () => {};
  const { store } = storeWith(() => new Promise((resolve) => (answer = resolve)));
  const loading = store.loadDeliveries();
  store.apply({ type: 'delivery', id: 'e1', delivery: delivery('2', 'delivered') });
  store.apply({ type: 'delivery', id: 'e2', delivery: delivery('3', 'pending') });
  answer({ body: [delivery('2', 'pending'), delivery('1', 'failed')], next: null });
  await loading;
  assert.deepEqual(
    store.deliveries.map((d) => [d.id, d.status]),
    [
      ['3', 'pending'],
      ['2', 'delivered'],
      ['1', 'failed'],
    ],
  );
});

test('an answer that arrives after the event it caused is older than the event', () => {
  const { store } = storeWith(() => ({ body: [], next: null }));
  const mark = store.mark();
  store.apply({ type: 'alert_fired', id: 'e1', alert: alert('1', false) });
  store.apply({ type: 'delivery', id: 'e2', delivery: delivery('2', 'delivered') });
  store.putAlert(alert('1'), mark);
  store.putDelivery(delivery('2', 'pending'), mark);
  assert.equal(store.alert('1')?.is_active, false);
  assert.equal(store.delivery('2')?.status, 'delivered');
  store.putDelivery(delivery('2', 'pending'), store.mark());
  assert.equal(store.delivery('2')?.status, 'pending', 'an answer to a later request is newer');
});

test('the list of deliveries is loaded anew before the stream has made it endless', async () => {
  const { store, asked } = storeWith(() => ({ body: [delivery('9999', 'delivered')], next: '/older' }));
  const send = (i: number): void =>
    store.apply({ type: 'delivery', id: `e${i}`, delivery: delivery(String(i), 'pending') });
  for (let i = 1000; i < 2000; ++i) send(i);
  send(1500);
  assert.deepEqual([asked.length, store.deliveries.length], [0, 1000]);
  send(2000);
  send(2001);
  await new Promise((done) => setImmediate(done));
  assert.equal(asked.length, 1);
  assert.deepEqual(
    store.deliveries.map((d) => d.id),
    ['9999', '2001'],
  );
  assert.deepEqual([store.deliveriesFloor, store.deliveryReloads], ['9999', 1]);
});

test('answers to requests made before signing out are not shown to the next user', async () => {
  let answer: (a: Answer<unknown>) => void = () => {};
  const { store } = storeWith(() => new Promise((resolve) => (answer = resolve)));
  const loading = store.loadDeliveries();
  store.clear();
  answer({ body: [delivery('1', 'failed')], next: null });
  await loading;
  assert.deepEqual(store.deliveries, []);
});

test('a deleted alert does not come back with an older list', async () => {
  const { store } = storeWith(() => ({ body: [alert('1')], next: null }));
  store.removeAlert('1');
  await store.loadAlerts();
  store.putAlert(alert('1'));
  assert.deepEqual(store.alerts, []);
});

test('alerts made and deleted elsewhere come and go, in whichever order answers and events arrive', async () => {
  const { store } = storeWith(() => ({ body: [alert('1')], next: null }));
  store.apply({ type: 'alert_created', id: 'e1', alert: alert('2') });
  assert.equal(store.alertsOn('BTC'), 1);
  store.putAlert(alert('2'), store.mark() - 1);
  store.apply({ type: 'alert_deleted', id: 'e2', alert_id: '2' });
  store.putAlert(alert('2'));
  await store.loadAlerts();
  assert.deepEqual(
    store.alerts.map((a) => a.id),
    ['1'],
  );
  assert.equal(store.alertsOn('BTC'), 1);
  store.apply({ type: 'alert_deleted', id: 'e3', alert_id: 'unknown' });
  store.apply({ type: 'alert_deleted', id: 'e4', alert_id: '1' });
  assert.equal(store.alertsOn('BTC'), 0);
});

test('a firing is announced once, however often its event arrives, and whatever was known of the alert', () => {
  const { store } = storeWith(() => ({ body: [], next: null }));
  const told: string[] = [];
  store.onFired = (a) => told.push(`${a.id} ${a.triggered_at}`);
  const firing = (id: string, triggered_at: string, is_active = false): Alert => ({
    ...alert(id, is_active),
    triggered_at,
  });
  const fires = (of: Alert): void => store.apply({ type: 'alert_fired', id: 'e1', alert: of });
  store.putAlert(alert('1'));
  for (let i = 0; i < 2; ++i) fires(firing('1', '2026-01-01T00:00:00.5Z'));
  // Armed again, it may fire again.
  store.putAlert(alert('1'));
  fires(firing('1', '2026-01-01T00:00:01Z'));
  fires(firing('1', '2026-01-01T00:00:00.5Z'));
  // The event of its creation was sent after it had fired.
  store.apply({ type: 'alert_created', id: 'e2', alert: firing('2', '2026-01-01T00:00:02Z') });
  fires(firing('2', '2026-01-01T00:00:02Z'));
  assert.deepEqual(told, ['1 2026-01-01T00:00:00.5Z', '1 2026-01-01T00:00:01Z', '2 2026-01-01T00:00:02Z']);
});

test('what a list told is no news', async () => {
  const fired = { ...alert('1', false), triggered_at: '2026-01-01T00:00:00Z' };
  const { store } = storeWith(() => ({ body: [fired], next: null }));
  store.onFired = () => assert.fail('it is known');
  await store.loadAlerts();
  store.apply({ type: 'alert_fired', id: 'e1', alert: fired });
});

test('a ticker without a price keeps the last one to show', () => {
  const { store } = storeWith(() => ({ body: [], next: null }));
  const calls: string[] = [];
  store.on(['prices'], () => calls.push('prices'));
  store.apply({ type: 'prices', prices: { BTC: { price: '10', time: 't' }, SOL: null } });
  store.apply({ type: 'prices', prices: { BTC: { price: '9', time: 't' } } });
  assert.equal(store.prices.get('BTC')?.direction, -1);
  store.apply({ type: 'prices', prices: { BTC: null } });
  assert.deepEqual(store.prices.get('BTC'), { price: null, last: { price: '9', time: 't' }, direction: -1 });
  assert.deepEqual([...store.prices.keys()], ['BTC', 'SOL']);
  assert.equal(calls.length, 3);
});

class Memory implements StorageLike {
  readonly items = new Map<string, string>();
  getItem(name: string): string | null {
    return this.items.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.items.set(name, value);
  }
  removeItem(name: string): void {
    this.items.delete(name);
  }
}

test('a key is kept only for the session, unless the user asks otherwise', () => {
  const brief = new Memory();
  const lasting = new Memory();
  const session = new Session(brief, lasting);
  session.signIn('sk_live_x', false);
  session.write('webhook_url', 'https://a.example');
  assert.deepEqual([...lasting.items], []);
  assert.equal(new Session(brief, lasting).apiKey, 'sk_live_x', 'a reload still knows it');

  session.keep(true);
  assert.deepEqual([...brief.items], []);
  assert.equal(new Session(new Memory(), lasting).apiKey, 'sk_live_x', 'a new window knows it');
  assert.equal(new Session(new Memory(), lasting).read('webhook_url'), 'https://a.example');

  session.signOut();
  assert.deepEqual([...brief.items, ...lasting.items], []);
});

test('signing in works without storage', () => {
  const forbidden: StorageLike = {
    getItem: () => {
      throw new Error('no');
    },
    setItem: () => {
      throw new Error('no');
    },
    removeItem: () => {
      throw new Error('no');
    },
  };
  const session = new Session(forbidden, forbidden);
  session.signIn('sk_live_x', true);
  assert.equal(session.apiKey, 'sk_live_x');
  assert.equal(session.remembered, false);
});
