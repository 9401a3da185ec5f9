import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { identityOf } from '../../core/identity.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { grantToRole } from '../foundation/grant.ts';
import { ServerReference } from '../foundation/reference.ts';
import { readSecretStatements } from '../foundation/secret-access.ts';
import { type RedisSentinelMetric, redisSentinelMetrics, redisSentinelSources } from './metrics.ts';
import type { RedisSentinelAttributes } from './props.ts';

/** A set of Redis servers with sentinels, ours or another's: how to bind it, to let someone in, and to watch it. */
export class RedisSentinelReference extends ServerReference<RedisSentinelAttributes> {
  binding(): BindingFragment {
    const { service, role, masterName, nodes, ports, username, secrets, memoryMiB } = this.attributes;
    const password = (id: string) => ({ from: 'aws-secrets-manager', id, jsonKey: 'password' }) as const;
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
        ...(memoryMiB === undefined ? {} : { limits: { maxMemoryMiB: memoryMiB } }),
      },
    };
  }

  /**
   * What an IAM identity needs in order to connect: the passwords of the user and of the sentinels, and the certificate to check the servers by.
   *
   * The key of the authority is not among it.
   */
  connectStatements(): PolicyStatement[] {
    const { secrets, encryptionKeyArn } = this.attributes;
    return readSecretStatements('Access', [secrets.users, secrets.sentinel, secrets.authority], encryptionKeyArn);
  }

  /** Lets a role connect: `secretsmanager:GetSecretValue` on three secrets and `kms:Decrypt` with their key, as a policy of the role. */
  grantConnect(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `connect-${this.attributes.service}`, statements: this.connectStatements() });
  }

  /** A metric of every machine, in their order: which of them is the master changes. */
  metric(metricName: RedisSentinelMetric): MetricReference[] {
    return metricSeries(metricName, redisSentinelMetrics[metricName], redisSentinelSources(this.attributes, identityOf(this).name));
  }
}
