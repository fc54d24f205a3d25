import assert from 'node:assert/strict';
import test from 'node:test';
import { Inbox } from '../src/inbox.ts';
import type { Alert, FiringAnswer } from '../src/types.ts';

const alert = (id: string, second: number, firings?: number): Alert =>
  ({
    id,
    triggered_at: new Date(second * 1000).toISOString(),
    ...(firings === undefined ? {} : { firings }),
  }) as Alert;
const firing = (number: number, second: number): FiringAnswer =>
  ({ number, fired_at: new Date(second * 1000).toISOString(), delivery_id: `d${number}` }) as FiringAnswer;

test('firings are unread until they are read, however often they arrive', () => {
  const inbox = new Inbox();
  inbox.begin(10_000);
  assert.equal(inbox.take(alert('a', 11)), true);
  assert.equal(inbox.take(alert('a', 11)), false);
  assert.equal(inbox.take(alert('b', 12, 1), firing(1, 12)), true);
  assert.equal(inbox.take(alert('b', 13, 2), firing(2, 13)), true, 'an alert may fire again');
  assert.equal(inbox.unread, 3);
  assert.deepEqual(
    inbox.all.map((entry) => entry.key),
    ['b 2', 'b 1', 'a 1'],
  );
  assert.equal(inbox.read(), 13_000);
  assert.equal(inbox.unread, 0);
  assert.equal(inbox.all.length, 3, 'they can still be looked at');
});

test('what fired while the page was closed is unread, what was read before is not', () => {
  const inbox = new Inbox();
  inbox.begin(20_000);
  inbox.fill([alert('old', 19), alert('new', 21), { id: 'active', triggered_at: null } as Alert]);
  inbox.fill([alert('new', 21)]);
  assert.deepEqual(
    inbox.all.map((entry) => entry.key),
    ['new 1'],
  );
  assert.equal(inbox.unread, 1);
  assert.equal(inbox.take(alert('new', 21, 1), firing(1, 21)), false, 'the list had it');
  assert.equal(inbox.all[0]!.deliveryId, 'd1', 'but not its delivery');
  inbox.readUntil(21_000);
  assert.equal(inbox.unread, 0, 'read in another tab');
  inbox.readUntil(5000);
  assert.equal(inbox.unread, 0);
  inbox.begin(0);
  assert.deepEqual(inbox.all, [], 'another user');
});

test('who signs in for the first time has read what fired before', () => {
  const inbox = new Inbox();
  inbox.begin(null);
  inbox.fill([alert('a', 19)]);
  assert.equal(inbox.unread, 0);
  assert.equal(inbox.read(), 19_000);
  inbox.take(alert('b', 20));
  assert.equal(inbox.unread, 1, 'whatever the clock of this computer says');
});

test('no more are kept than anybody reads', () => {
  const inbox = new Inbox();
  inbox.begin(0);
  for (let second = 1; second <= 250; ++second) inbox.take(alert(`a${second}`, second));
  assert.equal(inbox.all.length, 200);
  assert.equal(inbox.all[0]!.key, 'a250 1');
  assert.equal(inbox.all.at(-1)!.key, 'a51 1');
});
