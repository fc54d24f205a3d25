import assert from 'node:assert/strict';
import test from 'node:test';
import { Session, type StorageLike } from '../src/session.ts';

class Kept implements StorageLike {
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
  get key(): string | null {
    return this.getItem('pricewire.key');
  }
}

/** Two tabs that share the key "old", which is stored on the device. */
function twoTabs() {
  const device = new Kept();
  const one = new Session(new Kept(), device);
  one.signIn('old', true);
  one.write('webhook_url', 'https://example.com/hook');
  return { device, one, other: new Session(new Kept(), device) };
}

test('signing out forgets everything stored with the key', () => {
  for (const remember of [false, true]) {
    const brief = new Kept();
    const device = new Kept();
    const session = new Session(brief, device);
    session.signIn('mine', remember);
    session.write('webhook_url', 'https://example.com/hook');
    assert.equal(session.remembered, remember);
    session.signOut();
    assert.equal(session.apiKey, null);
    assert.deepEqual([...brief.items, ...device.items], []);
  }
});

test('a tab whose key was replaced by another tab switches to the new key', () => {
  const { one, other } = twoTabs();
  one.signIn('new', one.remembered);
  assert.equal(other.keyChanged('old', 'new'), 'another key');
  assert.equal(other.apiKey, 'new');
  assert.equal(other.keyChanged('old', 'new'), 'nothing', 'once');
});

test('a tab whose key is refused before it is notified of the new one finds the new one', () => {
  const { one, other } = twoTabs();
  assert.equal(other.takeOver(), false);
  one.signIn('new', one.remembered);
  assert.equal(other.takeOver(), true);
  assert.equal(other.apiKey, 'new');
  assert.equal(other.takeOver(), false);
});

test('signing out of a replaced key does not take the new one away', () => {
  const { device, one, other } = twoTabs();
  one.signIn('new', one.remembered);
  other.signOut();
  assert.equal(other.apiKey, null);
  assert.equal(device.key, 'new');
  assert.equal(device.getItem('pricewire.webhook_url'), 'https://example.com/hook');
  assert.equal(one.remembered, true);
});

test('a new key that was removed together with the old one is stored again', () => {
  const { device, one } = twoTabs();
  one.signIn('new', true);
  device.removeItem('pricewire.key');
  assert.equal(one.keyChanged('old', null), 'nothing');
  assert.equal(one.apiKey, 'new');
  assert.equal(device.key, 'new');
});

test('signing out in another tab affects only the tabs that share the key', () => {
  const { device, one, other } = twoTabs();
  const alone = new Session(new Kept(), device);
  alone.signOut();
  const own = new Session(new Kept(), device);
  own.signIn('own', false);
  device.setItem('pricewire.key', 'old');
  one.signOut();
  assert.equal(other.keyChanged('old', null), 'signed out');
  assert.equal(own.keyChanged('old', null), 'nothing');
  assert.equal(own.keyChanged(null, 'new'), 'nothing');
  device.setItem('pricewire.key', 'new');
  assert.equal(own.takeOver(), false);
  assert.equal(own.apiKey, 'own');
  assert.equal(own.remembered, false, 'the key on the device is a different one');
  own.signOut();
  assert.equal(device.key, 'new');
  assert.equal(alone.keyChanged(null, 'new'), 'nothing', 'a signed-out tab stays signed out');
});

test('without storage the key lasts as long as the page', () => {
  const forbidden = new Proxy({} as StorageLike, {
    get: () => () => {
      throw new Error('forbidden');
    },
  });
  const session = new Session(forbidden, forbidden);
  session.signIn('mine', true);
  assert.equal(session.apiKey, 'mine');
  assert.equal(session.takeOver(), false);
  session.signOut();
  assert.equal(session.apiKey, null);
});
