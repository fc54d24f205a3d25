// Sending again what has failed: to which endpoint and from when; how many that are is said before it can be pressed.
import { ApiError, messageOf, type Answer, type Api } from '../api.ts';
import type { Context } from '../context.ts';
import { periods } from '../delivery_list.ts';
import { h, newId, setText, show, whileBusy } from '../dom.ts';
import { errorRegion, field } from '../field.ts';
import { shortUrl } from '../format.ts';
import { toast } from '../toast.ts';
import type { Delivery, Recovery } from '../types.ts';

const hour = 3_600_000;
const askAfter = 250;
const mostCalls = 50; // each looks at 10,000 deliveries
const mostPages = 10;

interface Span {
  since: string;
  until: string | null;
  url: string; // empty: all
}

interface Found {
  ids: string[];
  more: boolean;
}

export function replayDialog(context: Context, urls: readonly string[], url?: string): void {
  const { api, store } = context;
  const known = url === undefined || urls.includes(url) ? urls : [url, ...urls];
  const endpoint = field(
    'Endpoint',
    h(
      'select',
      null,
      h('option', { value: '' }, 'All endpoints'),
      ...known.map((each) => h('option', { value: each }, shortUrl(each))),
    ),
  );
  endpoint.input.value = url ?? '';
  const period = field(
    'Failed in',
    h(
      'select',
      null,
      ...Object.entries(periods).map(([value, { label }]) =>
        h('option', { value }, label.replace(/^L/, 'the l')),
      ),
      h('option', { value: 'own' }, 'a time of your choice'),
    ),
  );
  const from = field('From', h('input', { type: 'datetime-local' }));
  const to = field('Until', h('input', { type: 'datetime-local' }), 'Empty: until now');
  const own = h('div', { class: 'pair' }, from.element, to.element);
  const count = h('p', { role: 'status', class: 'replay-count', 'data-testid': 'replay-count' }, 'Counting…');
  const error = errorRegion();
  const send = h('button', { type: 'submit', class: 'primary' }, 'Send again');
  const heading = h('h2', { id: newId() }, 'Send failed deliveries again');
  const form = h(
    'form',
    { novalidate: true, 'aria-labelledby': heading.id },
    h('div', { class: 'pair' }, endpoint.element, period.element),
    own,
    count,
    error.element,
    h(
      'div',
      { class: 'actions' },
      send,
      h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'),
    ),
  );
  const dialog = h('dialog', { class: 'form-dialog', 'aria-labelledby': heading.id }, heading, form);
  let asked = 0;
  let failed: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ready: Span | null = null;

  /** Null if no time is chosen. */
  function span(): Span | null {
    const of = { url: endpoint.input.value };
    const hours = periods[period.input.value]?.hours;
    if (hours !== undefined)
      return { since: new Date(store.now() - hours * hour).toISOString(), until: null, ...of };
    if (from.input.value === '') return null;
    const until = to.input.value === '' ? null : new Date(to.input.value).toISOString();
    return { since: new Date(from.input.value).toISOString(), until, ...of };
  }

  async function recount(): Promise<void> {
    const now = ++asked;
    const of = span();
    error.set('');
    if (of === null) return setText(count, 'Choose since when.');
    try {
      const found = await findFailed(api, of);
      if (now !== asked) return;
      ready = found.ids.length > 0 ? of : null;
      failed = found.ids;
      setText(count, countInWords(found));
      setText(
        send,
        failed.length > 0 ? `Send ${failed.length}${found.more ? ' and more' : ''} again` : 'Send again',
      );
      send.disabled = failed.length === 0;
    } catch (problem) {
      if (now !== asked) return;
      setText(count, '');
      error.set(messageOf(problem));
    }
  }

  function soon(): void {
    ++asked;
    show(own, period.input.value === 'own');
    send.disabled = true;
    ready = null;
    setText(count, 'Counting…');
    clearTimeout(timer);
    timer = setTimeout(() => void recount(), askAfter);
  }

  async function sendAgain(of: Span): Promise<void> {
    const now = asked;
    let sent = 0;
    let over = 0;
    try {
      if (of.url === '' && of.until === null) ({ sent, over } = await recover(api, of.since));
      else {
        for (const id of failed) {
          if (now !== asked) break;
          setText(count, `${sent + over} of ${failed.length}…`);
          if (await retry(api, id)) ++sent;
          else ++over;
        }
      }
      dialog.close();
      const left =
        over === 0
          ? ''
          : ` Not sent, as each can be sent again ten times only, or its URL is disabled: ${over}.`;
      toast(`Sending again: ${deliveries(sent)}.${left}`, sent > 0 ? 'good' : 'info');
    } catch (problem) {
      error.set(messageOf(problem));
    }
    if (sent > 0) await store.loadDeliveries().catch(() => {});
  }

  for (const { input } of [endpoint, period, from, to]) input.addEventListener('change', soon);
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    if (ready !== null) void whileBusy(send, () => sendAgain(ready!));
  });
  dialog.addEventListener('close', () => {
    clearTimeout(timer);
    ++asked;
    dialog.remove();
  });
  soon();
  document.body.append(dialog);
  dialog.showModal();
}

function deliveries(count: number): string {
  return count === 1 ? '1 delivery' : `${count} deliveries`;
}

/** "14 failed deliveries will be sent again, each once." */
function countInWords({ ids, more }: Found): string {
  if (ids.length === 0) return 'No delivery failed in that time.';
  const many = ids.length === 1 ? '1 failed delivery' : `${ids.length} failed deliveries`;
  return `${more ? 'More than ' : ''}${many} will be sent again, each once.`;
}

async function findFailed(api: Api, { since, until, url }: Span): Promise<Found> {
  const params = new URLSearchParams({ status: 'failed', since, limit: '1000' });
  if (until !== null) params.set('until', until);
  const ids: string[] = [];
  let path: string | null = `/api/v1/deliveries/?${params}`;
  for (let page = 0; page < mostPages && path !== null; ++page) {
    const answer: Answer<Delivery[]> = await api.get<Delivery[]>(path);
    ids.push(...answer.body.filter((d) => url === '' || d.webhook_url === url).map((d) => d.id));
    path = answer.next;
  }
  return { ids, more: path !== null };
}

/** False if this one cannot be sent again. */
async function retry(api: Api, id: string): Promise<boolean> {
  try {
    await api.post(`/api/v1/deliveries/${id}/retry`);
    return true;
  } catch (problem) {
    if (problem instanceof ApiError && (problem.status === 409 || problem.status === 404)) return false;
    throw problem;
  }
}

async function recover(api: Api, since: string): Promise<{ sent: number; over: number }> {
  let [sent, over] = [0, 0];
  let from: string | null = since;
  for (let call = 0; call < mostCalls && from !== null; ++call) {
    const answer: Recovery = await api.post<Recovery>(
      '/api/v1/deliveries/recover',
      JSON.stringify({ since: from }),
    );
    sent += answer.recovered;
    over += answer.passed_over.retries_used_up + answer.passed_over.endpoint_disabled;
    from = answer.more ? answer.next_since : null;
  }
  return { sent, over };
}
