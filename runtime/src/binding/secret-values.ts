import type { Problem } from '../contracts/problems.ts';

/** Keys under which a text is a secret, whatever it looks like: `password`, `authToken`, `api_key`, `secretRef: "..."`. */
const secretKey =
  /(pass(word|wd|phrase|code)?|pwd|secret.*|token|api[-_]?key|access[-_]?key(id)?|private[-_]?key|client[-_]?key|credentials?)s?$/i;

/** Texts that are secrets under any key. */
const secretText: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:[^\s/@]+@/i, what: 'an address with a password in it' },
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, what: 'a private key' },
  { pattern: /\b(AKIA|ASIA)[A-Z0-9]{16}\b/, what: 'an AWS access key' },
  { pattern: /\b(password|passwd|pwd|secret|token|api_?key)\s*=\s*[^\s;&]+/i, what: 'a connection string with a password in it' },
  { pattern: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\./, what: 'a signed token' },
  { pattern: /\b(gh[pousr]_\w{30,}|xox[abprs]-[\w-]{10,}|sk_live_\w{10,})/, what: 'an API token' },
];

/**
 * Every place of `document` that holds a secret as a value; the problems name the place and never the value.
 *
 * Not guaranteed: a secret under an ordinary key that looks like an ordinary word cannot be told from one.
 */
export function secretValues(document: unknown): Problem[] {
  return scan(document, [], false);
}

function scan(value: unknown, path: readonly string[], underSecretKey: boolean): Problem[] {
  if (typeof value === 'string') return scanText(value, path, underSecretKey);
  if (typeof value === 'number') return underSecretKey ? [problem(path, 'a secret')] : [];
  if (Array.isArray(value)) return value.flatMap((entry, index) => scan(entry, [...path, String(index)], underSecretKey));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, entry]) => [
    ...scanText(key, path, false),
    ...scan(entry, [...path, key], secretKey.test(key)),
  ]);
}

function scanText(text: string, path: readonly string[], underSecretKey: boolean): Problem[] {
  const found = secretText.find(({ pattern }) => pattern.test(text));
  if (found !== undefined) return [problem(path, found.what)];
  return underSecretKey && text !== '' ? [problem(path, 'a secret')] : [];
}

function problem(path: readonly string[], what: string): Problem {
  return {
    path: path.join('.'),
    message: `holds ${what} as a value; put a reference in its place, such as auth.secretRef {"from": "env", "id": "NAME"}`,
  };
}
