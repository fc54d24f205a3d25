import assert from 'node:assert/strict';
import test from 'node:test';
import {
  connectionText,
  silenceBeforeDrop,
  silenceBeforePing,
  StreamMachine,
  type StreamAction,
} from '../src/stream_machine.ts';
import type { Alert } from '../src/types.ts';

const machine = (): StreamMachine => new StreamMachine(() => 1);
const names = (actions: StreamAction[]): string[] => actions.map((a) => a.do);

function live(last = 'e1'): StreamMachine {
  const m = machine();
  m.handle({ on: 'start' });
  m.handle({ on: 'open' });
  m.handle({ on: 'message', message: { type: 'ready', last_event_id: last } });
  return m;
}

test('it connects, authenticates, and requests the lists once live', () => {
  const m = machine();
  assert.deepEqual(m.handle({ on: 'start' }), [{ do: 'connect' }]);
  assert.equal(connectionText(m, false), 'Connecting…');
  assert.deepEqual(m.handle({ on: 'open' }), [{ do: 'authenticate', lastEventId: null }]);
  assert.deepEqual(m.handle({ on: 'message', message: { type: 'ready', last_event_id: 'e1' } }), [
    { do: 'reload' },
  ]);
  assert.equal(connectionText(m, false), 'Live');
  assert.deepEqual(m.handle({ on: 'start' }), [], 'once');
});

test('after a disconnect it resumes from the last event without reloading', () => {
  const m = live();
  const alert = { id: 'a' } as Alert;
  assert.deepEqual(names(m.handle({ on: 'message', message: { type: 'alert_fired', id: 'e7', alert } })), [
    'deliver',
  ]);
  assert.deepEqual(m.handle({ on: 'closed', code: 1006 }), [{ do: 'wait', milliseconds: 500 }]);
  assert.equal(connectionText(m, true), 'Reconnecting…');
  assert.deepEqual(m.handle({ on: 'timer' }), [{ do: 'connect' }]);
  assert.deepEqual(m.handle({ on: 'open' }), [{ do: 'authenticate', lastEventId: 'e7' }]);
  assert.deepEqual(m.handle({ on: 'message', message: { type: 'ready', last_event_id: 'e7' } }), [
    { do: 'catch_up' },
  ]);
  assert.deepEqual(names(m.handle({ on: 'message', message: { type: 'missed' } })), ['reload']);
});

test('it resumes after every kind of event, also one of a newer server', () => {
  const m = live();
  for (const [type, id] of [
    ['alert_created', 'e8'],
    ['alert_deleted', 'e9'],
    ['something_new', 'e10'],
  ] as const) {
    m.handle({ on: 'message', message: { type, id } as never });
    assert.equal(m.lastEventId, id);
  }
  m.handle({ on: 'message', message: { type: 'prices', prices: {} } });
  assert.equal(m.lastEventId, 'e10');
});

test('waits double up to half a minute, and start over once it was live', () => {
  const m = live();
  const waits: number[] = [];
  for (let i = 0; i < 9; ++i) {
    for (const action of m.handle({ on: 'closed', code: 1006 }))
      if (action.do === 'wait') waits.push(action.milliseconds);
    m.handle({ on: 'timer' });
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  m.handle({ on: 'open' });
  m.handle({ on: 'message', message: { type: 'ready' } });
  assert.deepEqual(m.handle({ on: 'closed', code: 1001 }), [{ do: 'wait', milliseconds: 500 }]);
});

test('waits have jitter, so that clients do not all reconnect at once', () => {
  const m = new StreamMachine(() => 0);
  m.handle({ on: 'start' });
  assert.deepEqual(m.handle({ on: 'closed', code: 1006 }), [{ do: 'wait', milliseconds: 250 }]);
});

test('a refused key ends it, by message or by close code', () => {
  const byCode = live();
  assert.deepEqual(names(byCode.handle({ on: 'closed', code: 4401 })), ['drop', 'unauthorized']);
  const byMessage = live();
  assert.deepEqual(names(byMessage.handle({ on: 'message', message: { type: 'error', code: 401 } })), [
    'drop',
    'unauthorized',
  ]);
  assert.deepEqual(byMessage.handle({ on: 'closed', code: 4401 }), [], 'reported once');
  assert.deepEqual(byMessage.handle({ on: 'wake' }), []);
  assert.deepEqual(names(byMessage.handle({ on: 'start' })), ['connect'], 'another key may start again');
});

test('with too many streams it waits for the limit to pass, with jitter between tabs', () => {
  const waits = [0, 1].map((random) => {
    const m = new StreamMachine(() => random);
    m.handle({ on: 'start' });
    return m.handle({ on: 'closed', code: 4429 });
  });
  assert.deepEqual(waits, [[{ do: 'wait', milliseconds: 10_000 }], [{ do: 'wait', milliseconds: 15_000 }]]);
});

test('a silent connection is pinged, then dropped', () => {
  const m = live();
  for (let beat = 1; beat < silenceBeforeDrop; ++beat) {
    assert.deepEqual(names(m.handle({ on: 'beat' })), beat === silenceBeforePing ? ['ping'] : []);
  }
  assert.deepEqual(names(m.handle({ on: 'beat' })), ['drop', 'wait']);
  const answered = live();
  for (let beat = 0; beat < silenceBeforePing; ++beat) answered.handle({ on: 'beat' });
  assert.deepEqual(answered.handle({ on: 'message', message: { type: 'pong' } }), []);
  for (let beat = 1; beat < silenceBeforePing; ++beat) assert.deepEqual(answered.handle({ on: 'beat' }), []);
});

test('a connection that never opens is dropped too', () => {
  const m = machine();
  m.handle({ on: 'start' });
  for (let beat = 1; beat < silenceBeforeDrop; ++beat) assert.deepEqual(m.handle({ on: 'beat' }), []);
  assert.deepEqual(names(m.handle({ on: 'beat' })), ['drop', 'wait']);
});

test('it reconnects at once when the network is back, and pings a connection after a sleep', () => {
  const m = live();
  assert.deepEqual(names(m.handle({ on: 'wake' })), ['ping']);
  m.handle({ on: 'closed', code: 1006 });
  assert.deepEqual(names(m.handle({ on: 'wake' })), ['connect']);
  assert.deepEqual(m.handle({ on: 'timer' }), [], 'a leftover timer does not connect twice');
});

test('signing out clears everything about the previous user', () => {
  const m = live();
  assert.deepEqual(names(m.handle({ on: 'stop' })), ['drop']);
  assert.deepEqual(m.handle({ on: 'closed', code: 1005 }), []);
  assert.deepEqual(m.handle({ on: 'timer' }), []);
  m.handle({ on: 'start' });
  assert.deepEqual(m.handle({ on: 'open' }), [{ do: 'authenticate', lastEventId: null }]);
  assert.deepEqual(names(m.handle({ on: 'message', message: { type: 'ready' } })), ['reload']);
});
