// The live connection: StreamMachine with a WebSocket and timers.
import { parseJson } from './json.ts';
import { connectionText, StreamMachine, type StreamEvent } from './stream_machine.ts';
import type { StreamMessage } from './types.ts';

export interface StreamListener {
  onConnection(text: string, live: boolean): void;
  onMessage(message: StreamMessage): void;
  onReload(): void;
  onCatchUp(): void;
  onUnauthorized(): void;
}

const beat = 5000;

export class Stream {
  private readonly machine = new StreamMachine();
  private readonly key: () => string | null;
  private readonly listener: StreamListener;
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private beats: ReturnType<typeof setInterval> | undefined;
  private watched: readonly string[] = [];
  private failed = false;
  private reported = '';

  constructor(key: () => string | null, listener: StreamListener) {
    this.key = key;
    this.listener = listener;
    window.addEventListener('online', () => this.happen({ on: 'wake' }));
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.happen({ on: 'wake' });
    });
  }

  start(): void {
    this.failed = false;
    this.beats ??= setInterval(() => this.happen({ on: 'beat' }), beat);
    this.happen({ on: 'start' });
  }

  /** The tickers to be sent beside those that every client gets. */
  watch(tickers: readonly string[]): void {
    if (tickers.join() === this.watched.join()) return;
    this.watched = tickers;
    if (this.machine.connection === 'live') this.sendWatched();
  }

  stop(): void {
    clearInterval(this.beats);
    clearTimeout(this.timer);
    this.beats = undefined;
    this.happen({ on: 'stop' });
  }

  private happen(event: StreamEvent): void {
    if (event.on === 'closed') this.failed = true;
    const actions = this.machine.handle(event);
    this.report();
    for (const action of actions) {
      switch (action.do) {
        case 'connect':
          this.connect();
          break;
        case 'authenticate':
          this.send({
            type: 'auth',
            api_key: this.key(),
            ...(action.lastEventId === null ? {} : { last_event_id: action.lastEventId }),
          });
          break;
        case 'ping':
          this.send({ type: 'ping' });
          break;
        case 'drop':
          this.drop();
          break;
        case 'wait':
          clearTimeout(this.timer);
          this.timer = setTimeout(() => this.happen({ on: 'timer' }), action.milliseconds);
          break;
        case 'deliver':
          this.listener.onMessage(action.message);
          break;
        case 'reload':
          if (this.watched.length > 0) this.sendWatched();
          this.listener.onReload();
          break;
        case 'catch_up':
          if (this.watched.length > 0) this.sendWatched();
          this.listener.onCatchUp();
          break;
        case 'unauthorized':
          this.listener.onUnauthorized();
          break;
      }
    }
  }

  private report(): void {
    const text = connectionText(this.machine, this.failed);
    if (text === this.reported) return;
    this.reported = text;
    this.listener.onConnection(text, text === 'Live');
  }

  private connect(): void {
    this.drop();
    clearTimeout(this.timer);
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/stream`;
    const socket = new WebSocket(url, ['pricewire.v1']);
    this.socket = socket;
    const current = (): boolean => this.socket === socket;
    socket.onopen = () => current() && this.happen({ on: 'open' });
    socket.onclose = (e) => {
      if (!current()) return;
      this.socket = null;
      this.happen({ on: 'closed', code: e.code });
    };
    socket.onmessage = (e) => {
      if (!current() || typeof e.data !== 'string') return;
      let message: StreamMessage;
      try {
        message = parseJson(e.data) as StreamMessage;
      } catch {
        return;
      }
      this.happen({ on: 'message', message });
    };
  }

  private sendWatched(): void {
    this.send({ type: 'watch', tickers: this.watched });
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
