// JSON whose prices keep their digits: a double would show 0.30000000000000004, or lose the last of 18 digits.

const priceKeys = new Set(
  'price target_price triggered_price open high low close dollars level from to value anchor_price'.split(
    ' ',
  ),
);

// A string (with the colon that makes it a key), or a number.
const token = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON.parse, but prices stay the text that was sent. */
export function parseJson(text: string): unknown {
  let key = '';
  const quoted = text.replace(token, (match: string, colon: string | undefined) => {
    if (match.startsWith('"')) {
      if (colon !== undefined) key = match.slice(1, match.lastIndexOf('"'));
      return match;
    }
    return priceKeys.has(key) ? `"${match}"` : match;
  });
  return JSON.parse(quoted);
}

/** Each member on a line of its own, with its digits and escapes as they are; what is not an object stays as it is. */
export function indentJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs) ?? [];
  let out = '';
  let depth = 0;
  tokens.forEach((token, i) => {
    const closes = token === '}' || token === ']';
    const empty = closes && /[{[]$/.test(tokens[i - 1] ?? '');
    if (closes) --depth;
    if (closes && !empty) out += `\n${'  '.repeat(depth)}`;
    out += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') {
      ++depth;
      if (!/^[}\]]/.test(tokens[i + 1] ?? '')) out += `\n${'  '.repeat(depth)}`;
    } else if (token === ',') {
      out += `\n${'  '.repeat(depth)}`;
    }
  });
  return out;
}
