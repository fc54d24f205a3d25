import assert from 'node:assert/strict';
import test from 'node:test';
import { parseJson } from '../src/json.ts';
import { whenJson, type When } from '../src/rules.ts';
import { kinds, presets, ruleOf, sentenceOf, type Blanks } from '../src/sentence.ts';
import type { Alert } from '../src/types.ts';

const blanks: Blanks = { word: '', level: '90', upper: '110.50', size: '5', window: '1h', age: '1m' };

function text(preset: (typeof presets)[number], more: Partial<Blanks>): string {
  const said = ruleOf(preset, { ...blanks, ...more });
  if (said === null) return '';
  return 'when' in said ? whenJson(said.when) : `${said.condition} ${said.target_price}`;
}

test('each sentence makes the rule that it says', () => {
  assert.equal(text('price', { word: 'gt' }), 'gt 90');
  assert.equal(text('price', { word: 'crosses' }), '{"is":"crosses","level":90}');
  assert.equal(text('price', { word: 'close_down' }), '{"watch":{"close":"1h"},"is":"below","level":90}');
  assert.equal(
    text('move', { word: 'up' }),
    '{"is":"crosses_up","level":{"from":"low","over":"1h","by":"5%"}}',
  );
  assert.equal(
    text('move', { word: 'either' }),
    '{"any":[{"is":"crosses_up","level":{"from":"low","over":"1h","by":"5%"}},' +
      '{"is":"crosses_down","level":{"from":"high","over":"1h","by":"-5%"}}]}',
  );
  assert.equal(
    text('start', { word: 'either' }),
    '{"is":"outside","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]}',
  );
  assert.equal(
    text('trailing', { word: 'down', size: '3' }),
    '{"is":"below","level":{"from":"high","by":"-3%"}}',
  );
  assert.equal(
    text('extreme', { word: 'low', window: '24h' }),
    '{"is":"below","level":{"from":"low","over":"24h"}}',
  );
  assert.equal(text('channel', { word: 'outside' }), '{"is":"outside","level":[90,110.50]}');
  assert.equal(
    text('channel', { word: 'outside', level: '2', upper: '1' }),
    '{"is":"outside","level":[1,2]}',
    'bounds in either order',
  );
  assert.equal(text('silent', { word: 'age' }), '{"watch":"age","is":"above","level":"1m"}');
});

test('a sentence with an empty blank says nothing', () => {
  assert.equal(text('price', { word: 'gt', level: '' }), '');
  assert.equal(text('channel', { word: 'leaves', upper: '' }), '');
  for (const preset of ['move', 'start', 'trailing'] as const)
    assert.equal(text(preset, { word: 'up', size: '' }), '');
});

test('an alert goes back into its sentence, whatever the server adds to its rule', () => {
  for (const preset of presets) {
    for (const [word] of kinds[preset].words) {
      const said = ruleOf(preset, { ...blanks, word })!;
      const alert =
        'when' in said
          ? { condition: null, target_price: null, when: parseJson(whenJson(said.when)) as When }
          : said;
      const found = sentenceOf(alert as Alert);
      assert.deepEqual([found?.preset, found?.blanks.word], [preset, word]);
    }
  }
  const plainInRule = { condition: 'lt', target_price: '70', when: { is: 'below', level: '70' } } as Alert;
  assert.deepEqual(sentenceOf(plainInRule)?.blanks.level, '70');
  const other = {
    condition: null,
    target_price: null,
    when: { watch: { ratio_to: 'ETH' }, is: 'above', level: '40' },
  };
  assert.equal(sentenceOf(other as unknown as Alert), null);
});
