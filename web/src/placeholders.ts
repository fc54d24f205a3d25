// Placeholders of messages and templates: as in docs/webhooks.md, with an example of what they become.
import type { Alert } from './types.ts';

export const placeholders = [
  'ticker',
  'price',
  'level',
  'change',
  'rule',
  'note',
  'time',
  'firing',
  'condition',
  'target',
  'anchor_price',
  'anchor_time',
  'left_out',
  'blind_seconds',
  'alert_id',
] as const;
type Name = (typeof placeholders)[number];

type Of = Pick<Alert, 'id' | 'ticker' | 'condition' | 'target_price' | 'note'> & { sentence: string };

function exampleOf(name: Name, alert: Of, price: string, now: Date): string {
  switch (name) {
    case 'ticker':
      return alert.ticker;
    case 'price':
      return price;
    case 'level':
    case 'target':
    case 'anchor_price':
      return alert.target_price ?? price;
    case 'change':
      return '5.2%';
    case 'rule':
      return alert.sentence;
    case 'note':
      return alert.note;
    case 'time':
    case 'anchor_time':
      return now.toISOString();
    case 'firing':
      return '1';
    case 'condition':
      return alert.condition ?? 'gt';
    case 'left_out':
    case 'blind_seconds':
      return '0';
    case 'alert_id':
      return alert.id;
  }
}

/** What the text would become now; `{{{{` is a literal `{{`. With `json`, values are escaped for JSON. */
export function previewOf(text: string, alert: Of, price: string, json = false, now = new Date()): string {
  return text.replace(/\{\{\{\{|\{\{(\w+)\}\}/g, (match: string, name: string | undefined) => {
    if (name === undefined) return '{{';
    if (!(placeholders as readonly string[]).includes(name)) return match;
    const value = exampleOf(name as Name, alert, price, now);
    return json ? JSON.stringify(value).slice(1, -1) : value;
  });
}

/** The first placeholder that the server would refuse, or null. Those of late firings are known, but rarely wanted. */
export function unknownPlaceholder(text: string): string | null {
  const late = ['late', 'occurred_at', 'occurred_until', 'sources'];
  for (const [, name] of text.replaceAll('{{{{', '').matchAll(/\{\{([^}]*)\}\}/g)) {
    if (![...placeholders, ...late].includes(name as Name)) return name ?? '';
  }
  return null;
}
