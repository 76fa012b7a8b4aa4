import { RequestError } from './errors.ts';
import { maxNamespaceBytes, maxPathBytes, maxPathSegments } from './limits.ts';

/** Names a stream. */
export interface StreamName {
  namespace: string;
  path: string;
}

/** The namespace of those who need only one. */
export const defaultNamespace = 'default';

/** Says which rule the name breaks; undefined: none. The rules are those of the Go package, proven by the same vectors. */
export function checkName(name: StreamName): { field: 'namespace' | 'path'; message: string } | undefined {
  const { namespace, path } = name;
  const why = tooLong(namespace, maxNamespaceBytes) ?? checkSegment(namespace);
  if (why !== undefined) return { field: 'namespace', message: why };
  const message = tooLong(path, maxPathBytes) ?? checkPath(path);
  return message === undefined ? undefined : { field: 'path', message };
}

/** Makes a name, or throws a RequestError with code `invalid_name`. */
export function newName(path: string, namespace: string = defaultNamespace): StreamName {
  const fault = checkName({ namespace, path });
  if (fault) throw new RequestError('invalid_name', `${fault.field}: ${fault.message}`, { field: fault.field });
  return { namespace, path };
}

/** A text that is the same for the same name only: neither part can hold the colon. */
export const nameKey = (name: StreamName): string => `${name.namespace}:${name.path}`;

function checkPath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must start with "/"';
  if (path === '/') return undefined;
  const segments = path.slice(1).split('/');
  if (segments.length > maxPathSegments) return `${segments.length} segments are over the limit of ${maxPathSegments}`;
  for (const segment of segments) {
    const why = checkSegment(segment);
    if (why !== undefined) return why;
  }
  return undefined;
}

function checkSegment(segment: string): string | undefined {
  if (segment === '') return 'must not be empty, nor have an empty segment ("//", or "/" at the end)';
  if (segment === '.' || segment === '..') return `segment "${segment}" is not allowed`;
  const bad = /[^a-z0-9._-]/u.exec(segment);
  if (!bad) return undefined;
  return `${JSON.stringify(bad[0])} is not allowed: use lowercase letters, digits, "-", "_" and "."`;
}

function tooLong(text: string, limit: number): string | undefined {
  const bytes = new TextEncoder().encode(text).length;
  return bytes > limit ? `${bytes} bytes are over the limit of ${limit}` : undefined;
}
