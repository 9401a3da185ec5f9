import type { MachineSettings } from './settings.ts';
import { startedUnits } from './units.ts';

/** The settings as the scripts read them: variables of a shell. Values are tokens or names that AWS allows, so quotes never occur in them. */
export function renderEnvironment(settings: MachineSettings): string {
  const { nodes, node, ports, secrets, users, backup } = settings;
  const { name, host } = nodes[node]!;
  const variables: Record<string, string | number> = {
    ENVIRONMENT: settings.environment,
    SERVICE: settings.service,
    REGION: settings.region,
    MASTER_NAME: settings.masterName,
    NODE: node,
    NAME: name,
    HOST: host,
    HOSTS: nodes.map((other) => other.host).join(' '),
    REDIS_PORT: ports.redis,
    SENTINEL_PORT: ports.sentinel,
    DOWN_AFTER_MS: settings.settings.downAfterMs,
    SECRET_USERS: secrets.users,
    SECRET_SENTINEL: secrets.sentinel,
    SECRET_REPLICATION: secrets.replication,
    SECRET_APPLY: secrets.apply,
    SECRET_AUTHORITY: secrets.authority,
    SECRET_AUTHORITY_KEY: secrets.authorityKey,
    USERS_SECRETS: users.secrets,
    USERS_DOCUMENT: users.document,
    BACKUP_BUCKET: backup.bucket,
    BACKUP_PREFIX: backup.prefix,
    DATA_VOLUME_ID: settings.dataVolumeId,
    SOFTWARE: settings.software,
    UNITS: startedUnits.join(' '),
  };
  return Object.entries(variables)
    .map(([variable, value]) => `${variable}='${value}'\n`)
    .join('');
}
