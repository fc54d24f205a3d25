// A text with placeholders: buttons that insert them, and what it would become.
import { h, setText } from './dom.ts';
import { field, type Field } from './field.ts';
import { placeholders, previewOf, unknownPlaceholder } from './placeholders.ts';

/** What placeholders stand for now. */
export interface Example {
  of: Parameters<typeof previewOf>[1];
  price: string;
}

/** `isJson`: values are escaped for JSON. */
export function placeholderField(
  label: string,
  hint: string,
  longest: number,
  example: () => Example,
  isJson: () => boolean = () => false,
): Field {
  const input = h('textarea', { rows: '2', maxlength: String(longest), spellcheck: 'false' });
  const out = field(label, input, hint);
  const preview = h('p', { class: 'hint' });
  const render = (): void => {
    const unknown = unknownPlaceholder(input.value);
    out.setError(unknown === null ? '' : `{{${unknown}}} is not a placeholder.`);
    const { of, price } = example();
    setText(preview, input.value.includes('{{') ? `Now: ${previewOf(input.value, of, price, isJson())}` : '');
  };
  const insert = (name: string): void => {
    input.setRangeText(`{{${name}}}`, input.selectionStart, input.selectionEnd, 'end');
    input.dispatchEvent(new Event('input'));
    input.focus();
  };
  input.addEventListener('input', render);
  out.element.append(
    h(
      'details',
      { class: 'placeholders' },
      h('summary', null, 'Placeholders'),
      h(
        'div',
        { class: 'chips' },
        ...placeholders.map((name) =>
          h('button', { type: 'button', class: 'chip', onclick: () => insert(name) }, `{{${name}}}`),
        ),
      ),
    ),
    preview,
  );
  return out;
}
