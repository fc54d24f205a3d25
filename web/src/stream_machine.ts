// The state machine of the live connection, without a socket or a clock: events in, actions out.
//
//   idle --start--> connecting --ready--> live
//                       ^                  | closed, or silent too long
//                       +---- waiting <----+     (waits double each time, up to 30 s)
//
// The key is sent in the first message, not as a subprotocol, because that message also names the event to resume
// after, and because a wrong key then has its own close code: the page cannot see why an upgrade was refused.
import type { StreamMessage } from './types.ts';

export type Connection = 'idle' | 'connecting' | 'live' | 'waiting' | 'refused';

export type StreamEvent =
  | { on: 'start' }
  | { on: 'stop' }
  | { on: 'open' }
  | { on: 'message'; message: StreamMessage }
  | { on: 'closed'; code: number }
  | { on: 'timer' } // the timer started by `wait`
  | { on: 'beat' } // every few seconds
  | { on: 'wake' }; // the network is back, or the page is visible again

export type StreamAction =
  | { do: 'connect' }
  | { do: 'authenticate'; lastEventId: string | null }
  | { do: 'ping' }
  | { do: 'drop' } // close the current socket and ignore its events
  | { do: 'wait'; milliseconds: number }
  | { do: 'deliver'; message: StreamMessage }
  | { do: 'reload' } // events were missed
  | { do: 'catch_up' } // no events were missed, but prices were
  | { do: 'unauthorized' };

export const silenceBeforePing = 4; // beats
export const silenceBeforeDrop = 8;
const firstWait = 500;
const longestWait = 30_000;
// 4429: the user has too many streams, or opened too many within ten seconds.
const crowdedWait = 10_000;

export class StreamMachine {
  connection: Connection = 'idle';
  /** Whether it was live before, so that connecting means reconnecting. */
  wasLive = false;
  lastEventId: string | null = null;
  private failures = 0;
  private silence = 0;
  private loadedOnce = false;
  private readonly random: () => number;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  handle(event: StreamEvent): StreamAction[] {
    switch (event.on) {
      case 'start':
        if (this.connection !== 'idle' && this.connection !== 'refused') return [];
        this.failures = 0;
        return this.connect();
      case 'stop':
        this.connection = 'idle';
        this.wasLive = false;
        this.lastEventId = null;
        this.loadedOnce = false;
        return [{ do: 'drop' }];
      case 'open':
        if (this.connection !== 'connecting') return [];
        this.silence = 0;
        return [{ do: 'authenticate', lastEventId: this.lastEventId }];
      case 'message':
        return this.message(event.message);
      case 'closed':
        return this.closed(event.code);
      case 'timer':
        return this.connection === 'waiting' ? this.connect() : [];
      case 'beat':
        return this.beat();
      case 'wake':
        if (this.connection === 'waiting') return this.connect();
        // After a sleep the connection may be dead without the socket knowing.
        return this.connection === 'live' ? [{ do: 'ping' }] : [];
    }
  }

  private connect(): StreamAction[] {
    this.connection = 'connecting';
    this.silence = 0;
    return [{ do: 'connect' }];
  }

  private message(message: StreamMessage): StreamAction[] {
    this.silence = 0;
    if (this.connection !== 'connecting' && this.connection !== 'live') return [];
    switch (message.type) {
      case 'ready': {
        this.connection = 'live';
        this.failures = 0;
        this.wasLive = true;
        // Reload only without an event to resume from: changes before this moment were not sent.
        const first = this.lastEventId === null || !this.loadedOnce;
        this.lastEventId = message.last_event_id ?? this.lastEventId;
        this.loadedOnce = true;
        return [{ do: first ? 'reload' : 'catch_up' }];
      }
      case 'missed':
        return [{ do: 'reload' }];
      case 'pong':
        return [];
      case 'error':
        return message.code === 401 ? this.refused() : [];
      default:
        // Events of alerts and deliveries have an id, also those of a newer server.
        if ('id' in message) this.lastEventId = message.id;
        return [{ do: 'deliver', message }];
    }
  }

  private closed(code: number): StreamAction[] {
    if (this.connection === 'idle' || this.connection === 'refused' || this.connection === 'waiting')
      return [];
    if (code === 4401) return this.refused();
    this.connection = 'waiting';
    ++this.failures;
    if (code === 4429)
      return [{ do: 'wait', milliseconds: Math.round(crowdedWait * (1 + this.random() / 2)) }];
    const full = Math.min(longestWait, firstWait * 2 ** (this.failures - 1));
    // Jitter over half the wait, so that clients do not all reconnect to a restarted server at once.
    return [{ do: 'wait', milliseconds: Math.round(full * (0.5 + this.random() / 2)) }];
  }

  private refused(): StreamAction[] {
    this.connection = 'refused';
    return [{ do: 'drop' }, { do: 'unauthorized' }];
  }

  private beat(): StreamAction[] {
    if (this.connection !== 'live' && this.connection !== 'connecting') return [];
    ++this.silence;
    if (this.silence >= silenceBeforeDrop) return [{ do: 'drop' }, ...this.closed(1006)];
    return this.connection === 'live' && this.silence === silenceBeforePing ? [{ do: 'ping' }] : [];
  }
}

export function connectionText(
  machine: Pick<StreamMachine, 'connection' | 'wasLive'>,
  failed: boolean,
): string {
  if (machine.connection === 'live') return 'Live';
  return machine.wasLive || failed ? 'Reconnecting…' : 'Connecting…';
}
