// Loads openapi.yaml for the tests here. `npm ci` in this folder installs its packages; without them tests are skipped.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
if (!existsSync(join(here, 'node_modules/yaml'))) {
  console.error('the npm packages are not installed: run `npm ci` in tests/contract');
  process.exit(77);
}
const { parse } = await import('yaml');

export const document = parse(readFileSync(join(here, '../../openapi.yaml'), 'utf8'));

// Resolves a reference such as "#/components/…".
export function at(reference) {
  return reference.split('/').slice(1).reduce((node, key) => node[key.replace(/~1/g, '/')], document);
}

// Forbids members that the document does not name: closes objects, unless they declare additional members.
export function close(schema, seen = new Set()) {
  while (schema?.$ref) schema = at(schema.$ref);
  if (!schema || typeof schema !== 'object' || seen.has(schema)) return;
  seen.add(schema);
  if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  for (const inner of Object.values(schema.properties ?? {})) close(inner, seen);
  for (const key of ['items', 'additionalProperties']) if (typeof schema[key] === 'object') close(schema[key], seen);
  for (const key of ['oneOf', 'anyOf', 'allOf']) for (const inner of schema[key] ?? []) close(inner, seen);
}

// A deep copy of a schema with its references resolved.
export function alone(schema) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map(alone);
  if (schema.$ref) return alone(at(schema.$ref));
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, alone(value)]));
}

export function* operations() {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
      if (item[method]) yield { path, item, method, operation: item[method] };
    }
  }
}

export function responses_of(operation) {
  return Object.entries(operation.responses).map(([status, r]) => [status, r.$ref ? at(r.$ref) : r]);
}
