// Routes: "#/deliveries/018f…?kind=test" is a view, the item open in it, and what its list is narrowed to.

/** An unknown view falls back to `first`; an invalid id opens nothing. */
export function routeOf<Name extends string>(
  hash: string,
  views: { readonly [name in Name]: unknown },
  first: NoInfer<Name>,
): [Name, string | null] {
  const [, name = '', id = ''] = hash.split('?')[0]!.split('/');
  // Not `in`, which would accept "constructor".
  return [Object.hasOwn(views, name) ? (name as Name) : first, /^[\w-]{1,64}$/.test(id) ? id : null];
}

/** What stands behind "?", or nothing. */
export function queryOf(hash: string): string {
  const at = hash.indexOf('?');
  return at < 0 ? '' : hash.slice(at + 1);
}

/** What a view's list is narrowed to, kept in the address so that a reload or a link shows the same. */
export class Query {
  private readonly view: string;
  private readonly params: URLSearchParams;

  constructor(view: string, text: string) {
    this.view = view;
    this.params = new URLSearchParams(text);
  }

  /** Empty where it is not set. */
  get(name: string): string {
    return this.params.get(name) ?? '';
  }

  set(name: string, value: string): void {
    if (value === '') this.params.delete(name);
    else this.params.set(name, value);
    history.replaceState(null, '', this.hash());
  }

  get text(): string {
    return this.params.toString();
  }

  hash(id: string | null = null): string {
    return `#/${this.view}${id === null ? '' : `/${id}`}${this.text === '' ? '' : `?${this.text}`}`;
  }
}

/** A short name of a webhook URL for links: the URL may be a chat's secret, and an address bar is seen by others. */
export function endpointId(url: string): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < url.length; ++i) {
    const c = url.charCodeAt(i);
    a = Math.imul(a ^ c, 2654435761);
    b = Math.imul(b ^ c, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}
