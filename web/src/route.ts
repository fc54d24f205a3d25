// Routes: "#/deliveries/018f…" is a view and the item open in it.

/** An unknown view falls back to `first`; an invalid id opens nothing. */
export function routeOf<Name extends string>(
  hash: string,
  views: { readonly [name in Name]: unknown },
  first: NoInfer<Name>,
): [Name, string | null] {
  const [, name = '', id = ''] = hash.split('/');
  // Not `in`, which would accept "constructor".
  return [Object.hasOwn(views, name) ? (name as Name) : first, /^[\w-]{1,64}$/.test(id) ? id : null];
}
