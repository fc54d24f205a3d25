import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { placeholders, previewOf, unknownPlaceholder } from '../src/placeholders.ts';

const alert = {
  id: '0193',
  ticker: 'BTC',
  condition: 'gt' as const,
  target_price: '70000',
  note: 'say "sell"',
  sentence: 'BTC rises above 70,000',
};

test('every placeholder of the reference is known here, and none beside', () => {
  const text = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const table = /\| placeholder \|[^]*?\n\n/.exec(text)![0];
  const documented = new Set(
    [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, names]) =>
      [...names!.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]!),
    ),
  );
  assert.ok(documented.size > 10);
  for (const name of documented) assert.equal(unknownPlaceholder(`{{${name}}}`), null, name);
  for (const name of placeholders) assert.ok(documented.has(name), name);
});

test('a preview fills in what is known', () => {
  assert.equal(
    previewOf('{{ticker}} at {{price}}: {{rule}} {{nothing}} {{{{x}}', alert, '70001.5'),
    'BTC at 70001.5: BTC rises above 70,000 {{nothing}} {{x}}',
  );
  const body = previewOf('{"n": "{{note}}", "p": {{price}}}', alert, '70001.5', true);
  assert.deepEqual(JSON.parse(body), { n: 'say "sell"', p: 70001.5 });
});

test('an unknown placeholder is named, a literal brace is none', () => {
  assert.equal(unknownPlaceholder('{{ticker}} {{prcie}}'), 'prcie');
  assert.equal(unknownPlaceholder('{{ ticker }}'), ' ticker ');
  assert.equal(unknownPlaceholder('{{{{ticker'), null);
});
