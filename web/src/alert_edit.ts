// What was edited of an alert, and the requests that change it or make another of it (pure).
import { bodyOf, withRaw } from './alert_body.ts';
import { whenJson } from './rules.ts';
import type { Alert } from './types.ts';

/** The members that differ; null is the default. A level is in `when`, or in `target_price` of the plain form. */
export type Edits = Partial<Alert>;

export function isUnchanged(edits: Edits): boolean {
  return Object.keys(edits).length === 0;
}

/** For PATCH. A level stays the digits that were entered. */
export function patchOf({ when, target_price, ...members }: Edits): string {
  const raw: Record<string, string> = {};
  if (when !== undefined) raw['when'] = whenJson(when);
  if (typeof target_price === 'string') raw['target_price'] = target_price;
  const cleared = members.note === '' ? { note: null } : {};
  return withRaw({ ...members, ...cleared }, raw);
}

/** For POST: another alert, with these edits. */
export function copyOf(alert: Alert, edits: Edits, now: number): string {
  const { template, ...rest } = { ...alert, ...edits };
  return bodyOf(template && rest.format === 'template' ? { ...rest, template } : rest, now);
}
