/** Where things lie on a machine. `files/library.sh` says the same to the scripts. */
export const places = {
  library: '/usr/local/lib/millrace-redis',
  command: '/usr/local/sbin/millrace-redis',
  /** What the user data wrote: settings and templates, without any secret. */
  templates: '/etc/millrace-redis',
  /** In memory: configuration with secrets, keys, certificates. */
  runtime: '/run/millrace-redis',
  /** The data volume. */
  volume: '/var/lib/millrace-redis',
  logs: '/var/log/millrace-redis',
  owner: 'millrace-redis',
} as const;
