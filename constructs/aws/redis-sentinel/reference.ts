import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { identityOf } from '../../core/identity.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { grantToRole } from '../foundation/grant.ts';
import { ServerReference } from '../foundation/reference.ts';
import { readSecretStatements } from '../foundation/secret-access.ts';
import { type RedisSentinelMetric, redisSentinelKinds, redisSentinelMetrics, redisSentinelSources } from './metrics.ts';
import type { RedisSentinelAttributes, SentinelUserReference } from './props.ts';

const secondsAnHour = 3_600;

/** A set of Redis servers with sentinels, ours or another's: how to bind it, to let someone in, and to watch it. */
export class RedisSentinelReference extends ServerReference<RedisSentinelAttributes> {
  binding(): BindingFragment {
    const { service, role, masterName, nodes, ports, username, secrets, users = [], administrator, memoryMiB } = this.attributes;
    const password = (id: string) => ({ from: 'aws-secrets-manager', id, jsonKey: 'password' }) as const;
    const as = ({ name, secretArn }: SentinelUserReference) => ({ mode: 'acl' as const, username: name, secretRef: password(secretArn) });
    return {
      [service]: {
        kind: 'redis-sentinel',
        role,
        masterName,
        endpoints: [
          ...nodes.map(({ host }) => ({ purpose: 'sentinel' as const, host, port: ports.sentinel })),
          ...nodes.map(({ host }) => ({ purpose: 'node' as const, host, port: ports.redis })),
        ],
        tls: { caRef: { from: 'aws-secrets-manager', id: secrets.authority } },
        auth: { mode: 'acl', username, secretRef: password(secrets.users), sentinelSecretRef: password(secrets.sentinel) },
        ...(users.length === 0 ? {} : { users: Object.fromEntries(users.map((user) => [user.name, as(user)])) }),
        ...(administrator === undefined ? {} : { administration: { auth: as(administrator) } }),
        ...(memoryMiB === undefined ? {} : { limits: { maxMemoryMiB: memoryMiB } }),
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect: the passwords of the user and of the sentinels, and the certificate to check the servers by.
   *
   * The key of the authority is not among it.
   *
   * @param userName a user of the topology. @default the user in the binding, who may use every key
   * @throws {RangeError} when the set has no such user.
   */
  connectStatements(userName?: string): PolicyStatement[] {
    const { secrets, encryptionKeyArn } = this.attributes;
    return readSecretStatements('Access', [this.passwordOf(userName), secrets.sentinel, secrets.authority], encryptionKeyArn);
  }

  /** What `millrace apply` needs besides: the password of the user that changes users, and those that it gives to them. No service should have it. */
  adminStatements(): PolicyStatement[] {
    const { users = [], administrator, encryptionKeyArn } = this.attributes;
    const secretArns = [...(administrator === undefined ? [] : [administrator]), ...users].map(({ secretArn }) => secretArn);
    if (secretArns.length === 0) return this.connectStatements();
    return [...this.connectStatements(), ...readSecretStatements('Users', secretArns, encryptionKeyArn)];
  }

  /** Lets a role connect: `secretsmanager:GetSecretValue` on three secrets and `kms:Decrypt` with their key, see `connectStatements`, as a policy of the role. */
  grantConnect(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `connect-${this.attributes.service}`, statements: this.connectStatements(userName) });
  }

  private passwordOf(userName?: string): string {
    const { service, username, secrets, users = [] } = this.attributes;
    if (userName === undefined || userName === username) return secrets.users;
    const user = users.find(({ name }) => name === userName);
    if (user !== undefined) return user.secretArn;
    throw new RangeError(
      `users of ${service} are ${[username, ...users.map(({ name }) => name)].join(', ')}, got ${JSON.stringify(userName)}`,
    );
  }

  /** A metric of every machine, in their order: which of them is the master changes. */
  metric(metricName: RedisSentinelMetric): MetricReference[] {
    return metricSeries(metricName, redisSentinelMetrics[metricName], this.sources(), redisSentinelKinds(this.attributes));
  }

  /** What alarms know of it: a series a machine. */
  alarmTarget(): AlarmTarget {
    const { service, backup } = this.attributes;
    return tableTarget({
      ...{ service, offering: 'redis-sentinel', table: redisSentinelMetrics },
      ...{ sources: this.sources(), kinds: redisSentinelKinds(this.attributes) },
      limits: {
        backupEverySeconds: backup && Math.min(backup.appendLogEveryHours, backup.snapshotEveryHours) * secondsAnHour,
        snapshotEverySeconds: backup && backup.snapshotEveryHours * secondsAnHour,
      },
    });
  }

  private sources() {
    return redisSentinelSources(this.attributes, identityOf(this).name);
  }
}
