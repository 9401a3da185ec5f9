/** One line of redis.conf or sentinel.conf: the directive and its arguments. */
export type Directive = readonly [name: string, ...values: (string | number | boolean)[]];

/** Certificates with which a server speaks TLS; paths are those of the machine it runs on. */
export interface RedisTls {
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Ask clients for a certificate too. @default false */
  readonly authClients?: boolean;
}

/** The text of a configuration file; `settings` replaces directives of the same name and adds the others at the end. */
export function renderDirectives(directives: readonly Directive[], settings: Readonly<Record<string, string>> = {}): string {
  const kept = directives.filter(([name]) => !Object.hasOwn(settings, name));
  const own = kept.map(([name, ...values]) => [name, ...values.map(argument)].join(' '));
  const further = Object.entries(settings).map(([name, value]) => `${name} ${value === '' ? '""' : value}`);
  return `${[...own, ...further].join('\n')}\n`;
}

/** Directives that make a Redis process speak TLS, and with `port` 0 nothing else. */
export function tlsDirectives(tls: RedisTls | undefined): Directive[] {
  if (tls === undefined) return [];
  return [
    ['tls-port', tls.port],
    ['tls-cert-file', tls.certFile],
    ['tls-key-file', tls.keyFile],
    ['tls-ca-cert-file', tls.caFile],
    ['tls-auth-clients', tls.authClients ?? false],
    ['tls-replication', true],
  ];
}

/** Redis splits a line at blanks and understands C-like escapes within double quotes. */
function argument(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return String(value);
  return /^[\w./:@+,=-]+$/.test(value) ? value : JSON.stringify(value);
}
