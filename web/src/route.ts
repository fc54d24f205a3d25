// What an address shows: "#/deliveries/018f…" is a view, and what is opened in it.

/** Anybody may write an address: an unknown view is the first one, and what cannot be an id opens nothing. */
export function routeOf<Name extends string>(
  hash: string,
  views: { readonly [name in Name]: unknown },
  first: NoInfer<Name>,
): [Name, string | null] {
  const [, name = '', id = ''] = hash.split('/');
  // Not `in`, which knows "constructor" as well.
  return [Object.hasOwn(views, name) ? (name as Name) : first, /^[\w-]{1,64}$/.test(id) ? id : null];
}
