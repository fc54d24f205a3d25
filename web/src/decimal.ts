// Prices as decimal strings: parsed, compared and formatted without doubles.

const plain = /^\d+(\.\d+)?$/;
const grouped = /^\d{1,3}(,\d{3})+(\.\d+)?$/;

/**
 * Parses user input into the digits of a JSON number; null if it is not a valid number. Spaces and thousands
 * separators, as this page shows them, are allowed.
 */
export function readPrice(text: string): string | null {
  let digits = text.replace(/[\s_\u00a0\u202f]/g, '');
  if (grouped.test(digits)) digits = digits.replace(/,/g, '');
  if (/^\.\d/.test(digits)) digits = `0${digits}`;
  if (digits.endsWith('.')) digits = digits.slice(0, -1);
  if (!plain.test(digits)) return null;
  return digits.replace(/^0+(?=\d)/, '');
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

/** Groups thousands: 65,420.15. The digits do not change. */
export function groupDigits(text: string): string {
  const negative = text.startsWith('-');
  const [whole = '', fraction] = (negative ? text.slice(1) : text).split('.');
  const head = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return (negative ? '−' : '') + head + (fraction === undefined ? '' : `.${fraction}`);
}
