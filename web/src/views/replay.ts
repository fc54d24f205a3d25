// Sending again what has failed: to which endpoint and from when; how many that are is said before it can be pressed.
import { messageOf } from '../api.ts';
import type { Context } from '../context.ts';
import { periods, sinceOf } from '../delivery_list.ts';
import { h, newId, selectOf, setText, show, whileBusy } from '../dom.ts';
import { errorRegion, field, momentField } from '../field.ts';
import { counted, shortUrl } from '../format.ts';
import { toast } from '../toast.ts';
import type { Recovery } from '../types.ts';

const askAfter = 250;
const mostCalls = 50; // each looks at 10,000 deliveries

interface Span {
  since: string;
  until?: string;
  endpoint?: string;
}

export function replayDialog(context: Context, urls: readonly string[], url?: string): void {
  const { api, store } = context;
  const known = url === undefined || urls.includes(url) ? urls : [url, ...urls];
  const endpoint = field(
    'Endpoint',
    selectOf([['', 'All endpoints'], ...known.map((each) => [each, shortUrl(each)] as const)]),
  );
  endpoint.input.value = url ?? '';
  const period = field(
    'Failed in',
    selectOf([
      ...Object.entries(periods).map(([value, { label }]) => [value, label.replace(/^L/, 'the l')] as const),
      ['own', 'a time of your choice'],
    ]),
  );
  const from = momentField('From', '');
  const to = momentField('Until', 'empty: until now');
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
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ready: Span | null = null;

  /** Null if no time is chosen. */
  function span(): Span | null {
    const of = endpoint.input.value === '' ? {} : { endpoint: endpoint.input.value };
    const since = sinceOf(period.input.value, store.now());
    if (since !== null) return { since: new Date(since).toISOString(), ...of };
    const [begin, end] = [from.time(), to.time()];
    if (begin === null) return null;
    return { since: begin, ...(end === null ? {} : { until: end }), ...of };
  }

  const ask = (of: object): Promise<Recovery> =>
    api.post<Recovery>('/api/v1/deliveries/recover', JSON.stringify(of));

  async function recount(): Promise<void> {
    const now = ++asked;
    const of = span();
    error.set('');
    if (of === null) return setText(count, 'Choose since when.');
    try {
      const answer = await ask({ ...of, dry_run: true });
      if (now !== asked) return;
      const many = answer.would_recover ?? 0;
      ready = many > 0 ? of : null;
      setText(count, countInWords(many, answer));
      setText(send, many > 0 ? `Send ${many}${answer.more ? ' and more' : ''} again` : 'Send again');
      send.disabled = many === 0;
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
    let sent = 0;
    let next: string | null = of.since;
    try {
      for (let call = 0; call < mostCalls && next !== null; ++call) {
        const answer: Recovery = await ask({ ...of, since: next });
        sent += answer.recovered ?? 0;
        next = answer.more ? answer.next_since : null;
      }
      dialog.close();
      toast(`Sending again: ${counted(sent, 'delivery', 'deliveries')}.`, 'good');
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

/** "14 failed deliveries will be sent again, each once. Not sent: 2 whose URL is disabled." */
function countInWords(many: number, { more, passed_over }: Recovery): string {
  const { retries_used_up, endpoint_disabled } = passed_over;
  const left = [
    retries_used_up > 0 ? `${retries_used_up} that were sent again ten times` : '',
    endpoint_disabled > 0 ? `${endpoint_disabled} whose URL is disabled` : '',
  ].filter(Boolean);
  const failed = counted(many, 'failed delivery', 'failed deliveries');
  const first =
    many === 0
      ? `No ${left.length > 0 ? 'other ' : ''}delivery failed in that time.`
      : `${more ? 'At least ' : ''}${failed} will be sent again, each once.`;
  return left.length === 0 ? first : `${first} Not sent: ${left.join(' and ')}.`;
}
