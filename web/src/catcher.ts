// The built-in receiver: an address of this server that keeps what is sent to it for a while.
import type { Api } from './api.ts';
import type { CaughtRequest } from './samples.ts';

export interface Caught {
  id: string;
  at: string;
  headers: Record<string, string>;
  body: string;
  signature: 'valid' | 'invalid' | 'missing';
}

export interface Catcher {
  id: string;
  url: string;
  expires_at: string;
  requests: Caught[]; // newest first
}

export function makeCatcher(api: Api): Promise<Catcher> {
  return api.post<Catcher>('/api/v1/catcher');
}

export async function readCatcher(api: Api, id: string): Promise<Catcher> {
  return (await api.get<Catcher>(`/api/v1/catcher/${id}`)).body;
}

export function requestOf({ headers, body }: Caught): CaughtRequest {
  const of = (name: string): string =>
    Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1] ?? '';
  return {
    id: of('webhook-id'),
    timestamp: of('webhook-timestamp'),
    signature: of('webhook-signature'),
    body,
  };
}
