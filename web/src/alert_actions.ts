// What can be done with alerts from any view: each tells its outcome in a toast, with a way back where there is one.
import { bodyOf } from './alert_body.ts';
import { messageOf } from './api.ts';
import type { Context } from './context.ts';
import { groupDigits } from './decimal.ts';
import { tellTest } from './endpoint_actions.ts';
import { alertTitle, formatTime, nextMorning } from './format.ts';
import { toast } from './toast.ts';
import type { Alert, Delivery } from './types.ts';

const pathOf = (alert: Alert): string => `/api/v1/alerts/${alert.id}`;
const titleOf = (alert: Alert): string => alertTitle(alert, groupDigits);

/** `members`: what changes, or JSON of that. Null, after a toast, if it was refused. */
export async function patchAlert(
  { api, store }: Context,
  alert: Alert,
  members: object | string,
): Promise<Alert | null> {
  const mark = store.mark();
  try {
    const body = typeof members === 'string' ? members : JSON.stringify(members);
    const changed = await api.patch<Alert>(pathOf(alert), body);
    store.putAlert(changed, mark);
    return changed;
  } catch (error) {
    toast(messageOf(error), 'bad');
    return null;
  }
}

export async function sendTest({ api, store }: Context, alert: Alert): Promise<void> {
  const mark = store.mark();
  try {
    const delivery = await api.post<Delivery>(`${pathOf(alert)}/test`);
    store.putDelivery(delivery, mark);
    tellTest(delivery);
  } catch (error) {
    toast(messageOf(error), 'bad');
  }
}

export async function removeAlert(context: Context, alert: Alert): Promise<void> {
  try {
    await context.api.delete(pathOf(alert));
  } catch (error) {
    return toast(messageOf(error), 'bad');
  }
  context.store.removeAlert(alert.id);
  // Recreating a fired alert would fire it again.
  const undo = alert.is_active ? { label: 'Undo', run: () => void restore(context, alert) } : undefined;
  toast(`Deleted: ${titleOf(alert)}.`, 'info', undo);
}

async function restore({ api, store }: Context, gone: Alert): Promise<void> {
  try {
    store.putAlert(await api.post<Alert>('/api/v1/alerts/', bodyOf(gone, store.now())));
  } catch (error) {
    toast(messageOf(error), 'bad');
  }
}

/** Pauses it, or lets it begin again: also one that has fired. */
export async function setActive(context: Context, alert: Alert, active: boolean): Promise<Alert | null> {
  const changed = await patchAlert(context, alert, { is_active: active });
  if (changed === null) return null;
  toast(`${active ? 'Active again' : 'Paused'}: ${titleOf(changed)}.`, 'good', {
    label: 'Undo',
    run: () => void patchAlert(context, changed, { is_active: !active }),
  });
  return changed;
}

const hour = 3_600_000;

/** An hour from now, or tomorrow morning in the chosen zone. */
export function snoozeUntil(how: 'hour' | 'tomorrow', now: number): Date {
  return how === 'hour' ? new Date(now + hour) : nextMorning(now);
}

/** `until` null: ends the snooze. */
export async function snooze(context: Context, alert: Alert, until: Date | null): Promise<Alert | null> {
  const to = until?.toISOString() ?? null;
  const changed = await patchAlert(context, alert, { snoozed_until: to });
  if (changed === null) return null;
  const said = to === null ? 'The snooze has ended' : `Snoozed until ${formatTime(to)}`;
  toast(`${said}: ${titleOf(changed)}.`, 'good', {
    label: 'Undo',
    run: () => void patchAlert(context, changed, { snoozed_until: alert.snoozed_until ?? null }),
  });
  return changed;
}

export interface Removal {
  removed: Alert[];
  failed: string | null; // why it ended early
}

/**
 * Deletes them, a whole ticker in one request where they are all there is of it, and otherwise one after the other, as
 * fast as the server's limits let it. Goes on until `stopped`; calls `progress` after each step.
 */
export async function removeAlerts(
  { api, store }: Context,
  alerts: readonly Alert[],
  progress: (done: number) => void,
  stopped: () => boolean,
): Promise<Removal> {
  const removed: Alert[] = [];
  const gone = (all: readonly Alert[]): void => {
    for (const alert of all) store.removeAlert(alert.id);
    removed.push(...all);
    progress(removed.length);
  };
  try {
    for (const [ticker, all] of byTicker(alerts)) {
      if (stopped()) break;
      if (all.length > 2 && (await countOf(api, ticker)) === all.length) {
        await api.delete(`/api/v1/alerts/?ticker=${encodeURIComponent(ticker)}`);
        gone(all);
        continue;
      }
      for (const alert of all) {
        if (stopped()) break;
        await api.delete(pathOf(alert));
        gone([alert]);
      }
    }
  } catch (error) {
    return { removed, failed: messageOf(error) };
  }
  return { removed, failed: null };
}

function byTicker(alerts: readonly Alert[]): Map<string, Alert[]> {
  const out = new Map<string, Alert[]>();
  for (const alert of alerts) out.set(alert.ticker, [...(out.get(alert.ticker) ?? []), alert]);
  return out;
}

async function countOf(api: Context['api'], ticker: string): Promise<number> {
  const path = `/api/v1/alerts/?ticker=${encodeURIComponent(ticker)}&dry_run=true`;
  return (await api.deleted<{ would_delete: number }>(path)).would_delete;
}

interface BulkAnswer {
  created: number;
  failed: number;
  results: { alert?: Alert }[];
}

/** Makes deleted alerts again, those that were active, in one request. */
export async function restoreAll({ api, store }: Context, gone: readonly Alert[]): Promise<void> {
  const active = gone.filter((alert) => alert.is_active);
  const mark = store.mark();
  try {
    const body = `{"alerts":[${active.map((alert) => bodyOf(alert, store.now())).join()}]}`;
    const answer = await api.post<BulkAnswer>('/api/v1/alerts/bulk', body);
    for (const { alert } of answer.results) if (alert !== undefined) store.putAlert(alert, mark);
    if (answer.failed > 0) toast(`Not made again: ${answer.failed} of ${active.length}.`, 'bad');
  } catch (error) {
    toast(messageOf(error), 'bad');
  }
}
