import { createHash, randomBytes } from 'node:crypto';
import type { CertificateFiles } from '../tls/server-tls.ts';

/** Everything that rabbitmq.conf says, whoever hosts the node. */
export interface RabbitSettings {
  /** Address to listen on. */
  readonly host: string;
  /** Of AMQP, over TLS where `tls` is given. */
  readonly port: number;
  readonly managementPort: number;
  /** Of the Prometheus plugin, which asks for no password. */
  readonly metricsPort: number;
  /** Above this much memory the broker takes no further messages: `connection.blocked`. */
  readonly memoryMiB: number;
  /** File of the user and the virtual host, read at every start. */
  readonly definitionsFile: string;
  /** Erlang names of all nodes; one of them is this one. */
  readonly nodeNames: readonly string[];
  readonly tls?: CertificateFiles | undefined;
  /** Further lines; one that stands here replaces the one of the same name above. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/** The one user that is made. */
export const adminUser = 'admin';
export const vhost = '/';

/** An exact amount: the default refuses messages when less disk than RAM is free, which says nothing about a machine of many servers. */
const diskFreeLimit = '64MiB';

export const enabledPlugins = '[rabbitmq_management,rabbitmq_prometheus].\n';

/** rabbitmq.conf for `settings`. */
export function renderRabbitConf(settings: RabbitSettings): string {
  const lines = { ...listenerLines(settings), ...limitLines(settings), ...clusterLines(settings), ...settings.settings };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n')}\n`;
}

function listenerLines({ host, port, managementPort, metricsPort, tls }: RabbitSettings): Record<string, string> {
  const [open, closed, http] = tls === undefined ? ['tcp', 'ssl', 'tcp'] : ['ssl', 'tcp', 'ssl'];
  const listener = (plugin: string, httpPort: number) => ({
    [`${plugin}.${http}.ip`]: host,
    [`${plugin}.${http}.port`]: String(httpPort),
    ...(tls && certificateLines(`${plugin}.ssl`, tls)),
  });
  return {
    [`listeners.${open}.1`]: `${host}:${port}`,
    [`listeners.${closed}`]: 'none',
    // Clients prove who they are with a password; the authority is for those between nodes and for the chain that is shown.
    ...(tls && {
      ...certificateLines('ssl_options', tls),
      'ssl_options.verify': 'verify_none',
      'ssl_options.fail_if_no_peer_cert': 'false',
    }),
    ...listener('management', managementPort),
    ...listener('prometheus', metricsPort),
  };
}

function certificateLines(prefix: string, { caFile, certFile, keyFile }: CertificateFiles): Record<string, string> {
  return { [`${prefix}.cacertfile`]: caFile, [`${prefix}.certfile`]: certFile, [`${prefix}.keyfile`]: keyFile };
}

function limitLines({ memoryMiB, definitionsFile }: RabbitSettings): Record<string, string> {
  return {
    'vm_memory_high_watermark.absolute': `${memoryMiB}MiB`,
    'disk_free_limit.absolute': diskFreeLimit,
    load_definitions: definitionsFile,
  };
}

/** The smaller side of a partition pauses: the other two can go on without it, and nothing has to be merged. */
function clusterLines({ nodeNames }: RabbitSettings): Record<string, string> {
  if (nodeNames.length === 1) return {};
  return {
    'cluster_formation.peer_discovery_backend': 'classic_config',
    ...Object.fromEntries(nodeNames.map((name, index) => [`cluster_formation.classic_config.nodes.${index + 1}`, name])),
    cluster_partition_handling: 'pause_minority',
  };
}

/**
 * The administrator and the virtual host `/`, as RabbitMQ imports them at every start: a password that has changed since is changed in the broker too.
 * With such a file there is no user `guest`.
 */
export function renderDefinitions({ user, passwordHash }: { readonly user: string; readonly passwordHash: string }): string {
  const everything = { configure: '.*', write: '.*', read: '.*' };
  return JSON.stringify({
    users: [{ name: user, password_hash: passwordHash, hashing_algorithm: 'rabbit_password_hashing_sha256', tags: 'administrator' }],
    vhosts: [{ name: vhost }],
    permissions: [{ user, vhost, ...everything }],
  });
}

/** What RabbitMQ keeps of a password: four bytes of salt, then SHA-256 of salt and password, in base64. */
export function hashPassword(password: string, salt = randomBytes(4)): string {
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString('base64');
}
