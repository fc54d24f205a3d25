import assert from 'node:assert/strict';
import test from 'node:test';
import {
  addPrices,
  comparePrices,
  decimalsOf,
  groupDigits,
  shortPrice,
  hasDecimalComma,
  nudgePrice,
  percentBetween,
  plainDigits,
  readEntry,
  readPrice,
  snapPrice,
  stepOf,
  subtractPrices,
  whyNoPrice,
} from '../src/decimal.ts';

test('a price entered by a person becomes the digits of a JSON number', () => {
  const written: [string, string | null][] = [
    ['65420.15', '65420.15'],
    [' 65,420.15 ', '65420.15'],
    ['1 000 000', '1000000'],
    ['0.1423', '0.1423'],
    ['.5', '0.5'],
    ['7.', '7'],
    ['007.50', '7.50'],
    ['0', '0'],
    ['0.000000000000000001', '0.000000000000000001'],
    ['65420,15', null],
    ['1,23', null],
    ['-1', null],
    ['1e5', null],
    ['', null],
    ['.', null],
    ['abc', null],
    ['1.2.3', null],
    ['1,234,567', '1234567'],
    ['1,234.5', '1234.5'],
    ["1'234", '1234'],
    ['1’234’567.8', '1234567.8'],
    ['1\u202f234', '1234'],
    ['1_000', '1000'],
    // A comma may begin the decimals.
    ['0,123', null],
    ['1,234', null],
    ['1,234.', null],
    [',5', null],
    ['12,5', null],
    ['1.234,56', null],
    ['1.234.567', null],
    ['0,123,456', null],
    ['12,34,567', null],
    ['1,2345', null],
    ['12 34', null],
    ['1 234,567', null],
    ["1'234 567", null],
    ['+5', null],
    ['− 5', null],
    ['0x10', null],
    ['٦٥', null],
    ['１２３', null],
    ['1٫5', null],
    ['1\u200b2', null],
    ['\u202e12', null],
    ['$5', null],
    ['5 USDT', null],
    ['5 6', null],
    ['Infinity', null],
  ];
  for (const [text, digits] of written) {
    assert.equal(readPrice(text), digits, JSON.stringify(text));
    if (digits !== null) assert.doesNotThrow(() => JSON.parse(digits));
  }
});

test('prices are compared and added exactly', () => {
  assert.equal(comparePrices('0.3', '0.30'), 0);
  assert.equal(comparePrices('9', '10.0'), -1);
  assert.equal(comparePrices('65420.150000000000000002', '65420.150000000000000001'), 1);
  assert.equal(addPrices('0.1', '0.2'), '0.3');
  assert.equal(addPrices('99.99', '0.01'), '100.00');
  assert.equal(subtractPrices('1', '0.000000000000000001'), '0.999999999999999999');
  assert.equal(subtractPrices('1', '2.5'), '-1.5');
  assert.equal(percentBetween('200', '201'), 0.5);
  assert.equal(percentBetween('0', '1'), 0);
});

test('a picked price is a multiple of the step of a pixel', () => {
  assert.deepEqual(stepOf(1.67), { step: '1', decimals: 0 });
  assert.deepEqual(stepOf(0.05), { step: '0.01', decimals: 2 });
  assert.deepEqual(stepOf(0.000123), { step: '0.0001', decimals: 4 });
  assert.deepEqual(stepOf(250), { step: '100', decimals: 0 });
  assert.deepEqual(stepOf(0.001), { step: '0.001', decimals: 3 });
  for (const odd of [0, -1, NaN, Infinity]) assert.equal(stepOf(odd).step, '1');
  assert.equal(snapPrice(65420.1533, '0.01'), '65420.15');
  assert.equal(snapPrice(0.1 + 0.2, '0.1'), '0.3');
  assert.equal(snapPrice(65449, '100'), '65400');
  assert.equal(snapPrice(-5, '0.01'), '0.01', 'a price is above 0');
});

test('keys move a price by one or ten steps, never to 0', () => {
  assert.equal(nudgePrice('65420.15', '1', true, false), '65421.15');
  assert.equal(nudgePrice('65420.15', '0.01', false, true), '65420.05');
  assert.equal(nudgePrice('0.02', '0.01', false, false), '0.01');
  assert.equal(nudgePrice('0.01', '0.01', false, false), null);
});

test('thousands are grouped, decimals are not', () => {
  assert.equal(groupDigits('65420.15'), '65,420.15');
  assert.equal(groupDigits('1000000'), '1,000,000');
  assert.equal(groupDigits('999'), '999');
  assert.equal(groupDigits('0.1423567'), '0.1423567');
  assert.equal(groupDigits('-1234.5'), '−1,234.5');
  for (const text of ['65420.15', '1000000', '0.00001']) assert.equal(readPrice(groupDigits(text)), text);
});

test('where the locale writes a decimal comma, it is one, unless it could set thousands apart', () => {
  assert.deepEqual(['de-DE', 'fr', 'pt-BR', 'en-US', 'de-CH', 'ja', 'hi', 'ar-EG'].map(hasDecimalComma), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  for (const locale of [false, true]) {
    const written: [string, string | null][] = [
      ['0,123', '0.123'],
      ['65420,15', '65420.15'],
      [',5', '0.5'],
      ['5,', '5'],
      ['1.234,56', '1234.56'],
      ['70 000,50', '70000.50'],
      ['1\u202f234,5', '1234.5'],
      ['1.234.567,8', '1234567.8'],
      ['70.000.000', '70000000'],
      ['65,420.15', '65420.15'],
      ['0.123', '0.123'],
      ['1.234', locale ? null : '1.234'],
      ['1.2345', '1.2345'],
      ['65420.155', '65420.155'],
      ['1,2340', '1.2340'],
      ['12345,678', '12345.678'],
      ['1,234', null],
      ['1,234,567', '1234567'],
      ['$70000', '70000'],
      ['€ 70.000,50', '70000.50'],
      ['70000 USDT', '70000'],
      ['70k', '70000'],
      ['1.5k', '1500'],
      ['1,25 M', '1250000'],
      ['0.0005k', '0.5'],
      ['1,234k', null],
      ['k', null],
      ['1e5', null],
      ['+5', null],
      ['-5', null],
      ['1.23,4', null],
      [',', null],
      ['1,2,3', null],
      ['12 34', null],
      ['\u0666\u0665', null],
    ];
    for (const [text, digits] of written)
      assert.equal(readEntry(text, locale, null), digits, JSON.stringify(text));
  }
  assert.equal(whyNoPrice('1,234', true), 'Write 1234 or 1,2340: the comma could mean either.');
  assert.equal(whyNoPrice('1.234', true), 'Write 1234 or 1,2340: the point could mean either.');
});

test('a separator that could mean either is read by the present price, if that is near one of the readings', () => {
  assert.equal(readEntry('70,000', false, '69980.2'), '70000');
  assert.equal(readEntry('70.000', true, '69980.2'), '70000');
  assert.equal(readEntry('1,234', false, '1.3'), '1.234');
  assert.equal(readEntry('1,234', false, '65000'), null);
  assert.equal(readEntry('1,234', false, '0.1423'), null);
});

test('a text that is no price is told how to write it', () => {
  assert.equal(whyNoPrice('1,234'), 'Write 1234 or 1.234: the comma could mean either.');
  assert.match(whyNoPrice('abc'), /65420\.15/);
  assert.match(whyNoPrice(' '), /chart/);
});

test('small numbers are shown with their own digits', () => {
  const shown: [number, number, string][] = [
    [65420.15, 2, '65420.15'],
    [3, 0, '3'],
    [2.5, 1, '2.5'],
    [0.00001234, 8, '0.00001234'],
    [4.5e-7, 8, '0.00000045'],
    [1e-18, 18, '0.000000000000000001'],
    [0, 0, '0'],
  ];
  for (const [value, decimals, text] of shown) {
    assert.equal(decimalsOf(value), decimals);
    assert.equal(plainDigits(value), text);
  }
  assert.equal(percentBetween(plainDigits(4e-7), plainDigits(5e-7)), 25);
});

test('a short price below 1 has five significant digits', () => {
  const short: [string, string][] = [
    ['65420.1512345', '65420.1512345'],
    ['0.000026045768', '0.000026046'],
    ['0.1423', '0.1423'],
    ['0.99999996', '1.00000'],
    ['0.0000000', '0.00000'],
    ['0', '0'],
  ];
  for (const [text, wanted] of short) assert.equal(shortPrice(text), wanted, text);
});
