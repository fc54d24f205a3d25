// Prices as decimal strings: parsed, compared and formatted without doubles.
import { settings } from './settings.ts';

const plain = /^\d+(\.\d+)?$/;
// Groups of three, all set apart alike. A single comma that could just as well begin the decimals is not one of these.
const grouped =
  /^[1-9]\d{0,2}(?:([\s_'’])\d{3}(?:\1\d{3})*(?:\.\d+)?|,\d{3}(?:(?:,\d{3})*\.\d+|(?:,\d{3})+))$/;

const groupedBeforeComma = /^[1-9]\d{0,2}(?:([.\s_'’])\d{3}(?:\1\d{3})*),\d+$/;
const groupedByPoints = /^[1-9]\d{0,2}(?:\.\d{3}){2,}$/;
// One separator before three digits: it sets thousands apart, or begins the decimals.
const eitherWay = /^[1-9]\d{0,2},\d{3}$/;
const pointEitherWay = /^[1-9]\d{0,2}\.\d{3}$/;
const zeros: Record<string, number> = { k: 3, m: 6, b: 9 };

/** Whether the locale writes 0,5: its phones may have no key for a point. */
export function hasDecimalComma(locale: string): boolean {
  return new Intl.NumberFormat(locale, { numberingSystem: 'latn' }).format(0.5) === '0,5';
}

/** The digits of a JSON number; null if it is none. The decimals begin with a point; thousands may be set apart. */
export function readPrice(text: string): string | null {
  let digits = text.trim();
  if (/^\.\d/.test(digits)) digits = `0${digits}`;
  if (digits.endsWith('.')) digits = digits.slice(0, -1);
  if (grouped.test(digits)) digits = digits.replace(/[^\d.]/g, '');
  if (!plain.test(digits)) return null;
  return digits.replace(/^0+(?=\d)/, '');
}

/**
 * What a person has entered, as the digits of a JSON number: 70000,5 and 70.000,50 and $70,000.5 and 70k. Null if it is no
 * number, or could be read as two of which not just one is near the present price.
 */
export function readEntry(text: string, decimalComma: boolean, present: string | null): string | null {
  const entry = text
    .trim()
    .replace(/^[$€£]\s*/, '')
    .replace(/\s*(?:\$|usd[tc]?)$/i, '');
  const [, number, unit] = /^(.*\d)\s*([kmb])$/i.exec(entry) ?? [];
  if (number !== undefined && unit !== undefined) {
    const small = readEntry(number, decimalComma, null);
    if (small === null) return null;
    const { units, scale } = split(small);
    return withoutZeros(written(units * 10n ** BigInt(zeros[unit.toLowerCase()]!), scale));
  }
  if (eitherWay.test(entry) || (decimalComma && pointEitherWay.test(entry))) {
    const readings = [entry.replace(/\D/g, ''), entry.replace(',', '.')];
    return readings.find((reading) => present !== null && isNear(reading, present)) ?? null;
  }
  if (/^\d*,\d*$/.test(entry)) return readPrice(entry.replace(',', '.'));
  if (groupedBeforeComma.test(entry)) return readPrice(entry.replace(/[^\d,]/g, '').replace(',', '.'));
  return readPrice(groupedByPoints.test(entry) ? entry.replaceAll('.', '') : entry);
}

/** The two readings of a number are a thousand times apart, so no more than one is. */
function isNear(price: string, present: string): boolean {
  const times = Number(price) / Number(present);
  return times > 1 / 3 && times < 3;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** What to change about a text that is no price. */
export function whyNoPrice(text: string, decimalComma = false): string {
  const typed = text.trim();
  if (typed === '') return 'Choose a price on the chart, or enter one.';
  if (eitherWay.test(typed) || (decimalComma && pointEitherWay.test(typed))) {
    const decimal = decimalComma ? `${typed.replace('.', ',')}0` : typed.replace(',', '.');
    const separator = typed.includes(',') ? 'comma' : 'point';
    // One more decimal tells a comma from one that sets thousands apart.
    return `Write ${typed.replace(/\D/, '')} or ${decimal}: the ${separator} could mean either.`;
  }
  return 'Enter the price as a number, such as 65420.15.';
}

/** How many decimals the shortest form of a number has: 0.000012 has 6. */
export function decimalsOf(value: number): number {
  const [digits = '', exponent = '0'] = String(value).split('e');
  return Math.min(100, Math.max(0, (digits.split('.')[1]?.length ?? 0) - Number(exponent)));
}

/** A number without an exponent, which a small one has as a string. */
export function plainDigits(value: number): string {
  return value.toFixed(decimalsOf(value));
}

function split(text: string): { units: bigint; scale: number } {
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const units = BigInt(whole + fraction);
  return { units: negative ? -units : units, scale: fraction.length };
}

function aligned(a: string, b: string): [bigint, bigint, number] {
  const x = split(a);
  const y = split(b);
  const scale = Math.max(x.scale, y.scale);
  return [x.units * 10n ** BigInt(scale - x.scale), y.units * 10n ** BigInt(scale - y.scale), scale];
}

function written(units: bigint, scale: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Negative if a < b, positive if a > b. */
export function comparePrices(a: string, b: string): number {
  const [x, y] = aligned(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** a + b, with as many decimals as the longer of the two. */
export function addPrices(a: string, b: string): string {
  const [x, y, scale] = aligned(a, b);
  return written(x + y, scale);
}

/** a - b, with as many decimals as the longer of the two. */
export function subtractPrices(a: string, b: string): string {
  const [x, y, scale] = aligned(a, b);
  return written(x - y, scale);
}

/** The change from `from` to `to`, in percent of `from`. */
export function percentBetween(from: string, to: string): number {
  const base = Number(from);
  return base === 0 ? 0 : (Number(subtractPrices(to, from)) / base) * 100;
}

/** The largest power of ten not above `size`: turns the price span of a pixel into the step of a picked price. */
export function stepOf(size: number): { step: string; decimals: number } {
  if (!(size > 0) || !Number.isFinite(size)) return { step: '1', decimals: 0 };
  const exponent = Math.max(-18, Math.min(12, Math.floor(Math.log10(size) + 1e-9)));
  return exponent >= 0
    ? { step: '1' + '0'.repeat(exponent), decimals: 0 }
    : { step: '0.' + '0'.repeat(-exponent - 1) + '1', decimals: -exponent };
}

/** Rounds a drawn value to a multiple of `step`; always above 0. */
export function snapPrice(value: number, step: string): string {
  const size = Number(step);
  const { scale } = split(step);
  const multiple = Math.max(1, Math.round(value / size));
  return written(BigInt(multiple) * split(step).units, scale);
}

/** The price one step (or ten, if `large`) up or down; null if that would be 0 or below. */
export function nudgePrice(price: string, step: string, up: boolean, large: boolean): string | null {
  let by = step;
  if (large) for (let i = 1; i < 10; ++i) by = addPrices(by, step);
  const moved = up ? addPrices(price, by) : subtractPrices(price, by);
  return comparePrices(moved, '0') > 0 ? moved : null;
}

/** For a narrow column: what is below 1 is rounded to five significant digits. */
export function shortPrice(text: string): string {
  const [whole = '', fraction = ''] = text.split('.');
  const kept = Math.max(0, fraction.search(/[1-9]/)) + 5;
  if (/[1-9]/.test(whole) || fraction.length <= kept) return text;
  const dropped = 10n ** BigInt(fraction.length - kept);
  return written((split(text).units + dropped / 2n) / dropped, kept);
}

/** How many decimals are worth showing: seven digits in all, or five after the zeros of a small price. */
export function usualDecimals(price: string): number {
  const [whole = '', fraction = ''] = price.split('.');
  return /[1-9]/.test(whole) ? Math.max(2, 7 - whole.length) : Math.max(0, fraction.search(/[1-9]/)) + 5;
}

/** The same price with that many decimals, rounded or filled up. */
export function toDecimals(text: string, decimals: number): string {
  const { units, scale } = split(text);
  if (scale <= decimals) return written(units * 10n ** BigInt(decimals - scale), decimals);
  const dropped = 10n ** BigInt(scale - decimals);
  return written((units + dropped / 2n) / dropped, decimals);
}

/** Groups thousands: 65,420.15, or as the user has chosen. The digits do not change. */
export function groupDigits(text: string): string {
  const { group, decimal } = settings.marks;
  const negative = text.startsWith('-');
  const [whole = '', fraction] = (negative ? text.slice(1) : text).split('.');
  const head = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return (negative ? '−' : '') + head + (fraction === undefined ? '' : decimal + fraction);
}
