import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deviceName, isFor } from '../src/push.ts';
import { Session } from '../src/session.ts';

test('a device is called by its browser and system', () => {
  const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)';
  assert.equal(deviceName(`${windows} Chrome/140.0.0.0 Safari/537.36`), 'Chrome on Windows');
  assert.equal(deviceName(`${windows} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`), 'Edge on Windows');
  assert.equal(
    deviceName('Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'),
    'Firefox on Linux',
  );
  assert.equal(
    deviceName('Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36'),
    'Chrome on Android',
  );
  assert.equal(
    deviceName(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1',
    ),
    'Safari on iPhone',
  );
  assert.equal(
    deviceName(
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15',
    ),
    'Safari on Mac',
  );
  assert.equal(deviceName('curl'), 'Browser on another system');
});

test('a subscription is known by the key that it was made for', () => {
  const key = new Uint8Array([4, 251, 255, 0]).buffer;
  assert.ok(isFor(key, 'BPv_AA'));
  assert.ok(!isFor(key, 'BPv_AB'));
  assert.ok(!isFor(null, 'BPv_AA'));
});

test('the device outlives a session that was not kept, and ends only when it is set to nothing', () => {
  const stores = [new Map<string, string>(), new Map<string, string>()];
  const as = (map: Map<string, string>) => ({
    getItem: (name: string) => map.get(name) ?? null,
    setItem: (name: string, value: string) => void map.set(name, value),
    removeItem: (name: string) => void map.delete(name),
  });
  const session = new Session(as(stores[0]!), as(stores[1]!));
  session.signIn('key', false);
  assert.equal(session.device, null);
  session.device = { id: '1', endpoint: 'https://push.example/x' };
  stores[0]!.clear();
  const later = new Session(as(stores[0]!), as(stores[1]!));
  assert.deepEqual(later.device, { id: '1', endpoint: 'https://push.example/x' });
  later.device = null;
  assert.equal(session.device, null);
});
