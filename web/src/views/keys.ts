// Secrets that are shown only once, each with a button that copies it.
import { h, setText } from '../dom.ts';
import type { NewKeys } from '../types.ts';

export function secretRow(label: string, value: string, testId: string): HTMLElement {
  const code = h('code', { 'data-testid': testId, tabindex: '0' }, value);
  const button = h('button', { type: 'button', 'aria-label': `Copy ${label.toLowerCase()}` }, 'Copy');
  const status = h('span', { class: 'muted copied', role: 'status' });
  button.addEventListener('click', () => {
    void copy(value, code).then((copied) => {
      setText(status, copied ? 'Copied' : 'Press Ctrl+C to copy');
      setTimeout(() => setText(status, ''), 3000);
    });
  });
  return h(
    'div',
    { class: 'secret' },
    h('div', { class: 'secret-label' }, label, status),
    h('div', { class: 'secret-value' }, code, button),
  );
}

/** False if it was not copied. Without the clipboard API (plain http) the text is selected for the keyboard. */
async function copy(text: string, shown: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(shown);
    const selection = getSelection();
    selection?.removeAllRanges();
    selection?.addRange(range);
    return document.execCommand('copy');
  }
}

/** The panel after a registration, or for a new key or secret. */
export function keysPanel(keys: NewKeys, onSaved: () => void): HTMLElement {
  const rows: HTMLElement[] = [];
  if (keys.api_key !== undefined) rows.push(secretRow('API key', keys.api_key, 'api-key'));
  if (keys.webhook_secret !== undefined)
    rows.push(secretRow('Webhook secret', keys.webhook_secret, 'webhook-secret'));
  if (keys.webhook_public_key !== undefined) {
    rows.push(secretRow('Webhook public key', keys.webhook_public_key, 'webhook-public-key'));
  }
  return h(
    'section',
    { class: 'panel keys', 'aria-label': 'Your keys' },
    h('h2', { tabindex: '-1' }, 'Your keys'),
    h('p', null, 'They are shown only once. Store them like passwords: they cannot be shown again.'),
    ...rows,
    keys.webhook_secret === undefined && keys.webhook_public_key === undefined
      ? null
      : h('p', { class: 'hint' }, 'Webhooks follow Standard Webhooks, so its libraries verify their signatures.'),
    h('button', { type: 'button', class: 'primary', onclick: onSaved }, 'I have saved them'),
  );
}
