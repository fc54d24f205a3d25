// Requests to this server: they carry the key, report every failure as an ApiError, and retry when the server asks for
// it.
import { parseJson } from './json.ts';

export interface FieldError {
  field: string;
  message: string;
}

export class ApiError extends Error {
  readonly status: number; // 0 if there was no answer
  readonly fields: FieldError[];
  constructor(status: number, message: string, fields: FieldError[] = []) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.fields = fields;
  }
}

export interface Answer<T> {
  body: T;
  next: string | null; // the path of the next page
}

export interface ApiOptions {
  key: () => string | null;
  /** The key is no longer valid. */
  onUnauthorized: () => void;
  /** Injected by tests. */
  fetch?: typeof fetch;
  sleep?: (milliseconds: number) => Promise<void>;
}

const longestWait = 30;
const tries = 5;
const deadline = 20_000;
export const signedOut = 'You have signed out.';
export const unreachable = 'Cannot reach the server. Check your connection and try again.';

export class Api {
  private readonly options: ApiOptions;
  private requests = new AbortController(); // all requests of one session
  constructor(options: ApiOptions) {
    this.options = options;
  }

  /** Aborts all pending requests and retries of the session that ended. */
  reset(): void {
    this.requests.abort();
    this.requests = new AbortController();
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.send<T>('GET', path);
  }
  async post<T>(path: string, body?: string): Promise<T> {
    return (await this.send<T>('POST', path, body)).body;
  }
  async patch<T>(path: string, body: string): Promise<T> {
    return (await this.send<T>('PATCH', path, body)).body;
  }
  async delete(path: string): Promise<void> {
    await this.send('DELETE', path);
  }
  /** For a DELETE that answers with a body. */
  async deleted<T>(path: string): Promise<T> {
    return (await this.send<T>('DELETE', path)).body;
  }

  /** These send no key; for registration. */
  async getOpen<T>(path: string): Promise<T> {
    return (await this.send<T>('GET', path, undefined, null)).body;
  }
  async postOpen<T>(path: string, body: string): Promise<T> {
    return (await this.send<T>('POST', path, body, null)).body;
  }

  /** Uses the given key instead of the session's; to verify a key. */
  async getAs<T>(key: string, path: string): Promise<T> {
    return (await this.send<T>('GET', path, undefined, key)).body;
  }

  private async send<T>(
    method: string,
    path: string,
    body?: string,
    key?: string | null,
  ): Promise<Answer<T>> {
    const used = key === undefined ? this.options.key() : key;
    if (used === null && key === undefined) throw new ApiError(0, signedOut);
    const { signal } = this.requests;
    for (let attempt = 1; ; ++attempt) {
      let response: Response;
      let text: string;
      const watch = withDeadline(signal);
      try {
        const headers: Record<string, string> = { Accept: 'application/json' };
        if (used !== null) headers['X-API-Key'] = used;
        if (body !== undefined) headers['Content-Type'] = 'application/json';
        response = await (this.options.fetch ?? fetch)(path, {
          method,
          headers,
          body: body ?? null,
          cache: 'no-store',
          credentials: 'omit',
          signal: watch.signal,
        });
        text = await response.text();
      } catch {
        if (signal.aborted) throw new ApiError(0, signedOut);
        // The request may have arrived, so only a GET is retried.
        if (method !== 'GET' || attempt >= 3) throw new ApiError(0, unreachable);
        await this.sleep(attempt * 1000, signal);
        continue;
      } finally {
        watch.done();
      }
      if (response.ok) return { body: read<T>(text), next: nextPage(response.headers.get('Link')) };
      const wait = waitOf(response, method);
      if (wait !== null && attempt < tries) {
        await this.sleep(wait * 1000, signal);
        continue;
      }
      if (response.status === 401 && key === undefined && used !== null && used === this.options.key()) {
        this.options.onUnauthorized();
      }
      throw errorOf(response.status, text);
    }
  }

  private async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    await (this.options.sleep?.(milliseconds) ?? new Promise((done) => setTimeout(done, milliseconds)));
    if (signal.aborted) throw new ApiError(0, signedOut);
  }
}

/** A signal that aborts with `session` or at the deadline; call `done` when the request has ended. */
function withDeadline(session: AbortSignal): { signal: AbortSignal; done: () => void } {
  const own = new AbortController();
  const abort = (): void => own.abort();
  const timer = setTimeout(abort, deadline);
  session.addEventListener('abort', abort);
  const done = (): void => {
    clearTimeout(timer);
    session.removeEventListener('abort', abort);
  };
  return { signal: own.signal, done };
}

function read<T>(text: string): T {
  try {
    return (text === '' ? undefined : parseJson(text)) as T;
  } catch {
    throw new ApiError(
      0,
      'Something between this page and the server answered in its place. Try again shortly.',
    );
  }
}

/**
 * Seconds to wait before a retry, or null if a retry would not help. A rate-limited request was not executed, so any
 * method may be retried; with an unavailable server only GET is safe.
 */
function waitOf(response: Response, method: string): number | null {
  if (response.status !== 429 && !(response.status === 503 && method === 'GET')) return null;
  const seconds = Number(response.headers.get('Retry-After') ?? '2');
  return Number.isFinite(seconds) && seconds <= longestWait ? Math.max(0.2, seconds) : null;
}

/** The path in `Link: </api/v1/alerts/?cursor=…>; rel="next"`. */
export function nextPage(link: string | null): string | null {
  const match = /<(\/[^>]*)>\s*;\s*rel="?next"?/.exec(link ?? '');
  return match?.[1] ?? null;
}

interface ErrorBody {
  detail?: string | { loc?: string[]; msg?: string }[];
}

/** The server's message, or a generic one if something else answered (such as a proxy's error page). */
export function errorOf(status: number, text: string): ApiError {
  let body: ErrorBody = {};
  try {
    body = (JSON.parse(text) as ErrorBody | null) ?? {};
  } catch {
    // Not JSON: reported by its status below.
  }
  if (Array.isArray(body.detail)) {
    const fields = body.detail.map(({ loc = [], msg = '' }) => ({
      field: loc[1] ?? '',
      message: sentence(forThePage(msg)),
    }));
    return new ApiError(status, fields.map((f) => f.message).join(' '), fields);
  }
  if (typeof body.detail === 'string') return new ApiError(status, sentence(forThePage(body.detail)));
  return new ApiError(status, `The server answered ${status} without a reason. Try again shortly.`);
}

/** Rewords a message for API clients: the page has a button for the request, and labels for its fields. */
function forThePage(text: string): string {
  return text
    .replace(/POST \/api\/v1\/endpoints\/enable .*/s, 'Enable it under Endpoints.')
    .replace(/^webhook_url /, 'The webhook URL ')
    .replace(/\bwebhook_url\b/g, 'webhook URL');
}

function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return trimmed;
  const capital = /^[a-z]+ /.test(trimmed) ? trimmed[0]!.toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
