import type { BindingFragment, BoundService, SecretRef } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import type { Reader } from '../../core/readers.ts';
import type { ServicePort } from '../foundation/connections.ts';
import { readSecretStatements } from '../foundation/secret-access.ts';
import { KafkaAccess } from './access.ts';
import { brokerLimits } from './brokers.ts';
import { brokerKinds, groupMetrics, groupSources, type MskMetricName, mskMetrics, mskSources } from './metrics.ts';
import { clientPorts } from './ports.ts';
import type { MskAttributes, MskAuthMode, ScramUserReference } from './props.ts';

/** A cluster with brokers, ours or another's: how to bind it, to let someone in, and to watch it. */
export class MskReference extends KafkaAccess<MskAttributes> {
  protected readonly hasClusterSettings = true;

  /** Every broker of `brokerHosts` once for each way in; clients pick those of `auth.mode`. */
  binding(): BindingFragment {
    const { service, role, region, clusterName, arn, brokerHosts, scramUsers } = this.attributes;
    const endpoints = authModes(scramUsers).flatMap((authMode) =>
      brokerHosts.map((host) => ({ purpose: 'bootstrap' as const, host, port: clientPorts[authMode].port, authMode })),
    );
    return {
      [service]: {
        kind: 'kafka',
        role,
        endpoints,
        tls: {},
        auth: this.boundAuth(),
        iam: { region, service: 'kafka-cluster', resourceName: clusterName },
        resourceArns: [arn],
      },
    };
  }

  /**
   * What an IAM identity needs in order to read the password of one user, and nothing more.
   *
   * @param userName @default the first user
   * @throws {RangeError} when the cluster has no such user.
   */
  scramStatements(userName?: string): PolicyStatement[] {
    return readSecretStatements('KafkaPassword', this.user(userName).secretArn, this.attributes.encryptionKeyArn);
  }

  /** Lets a role read the password of one user: `secretsmanager:GetSecretValue` on its secret and `kms:Decrypt` on the key. */
  grantScram(id: string, grantee: Grantee, userName?: string): readonly PolicyStatement[] {
    return this.grant(id, grantee, `scram-${this.user(userName).name}`, this.scramStatements(userName));
  }

  /** A metric of every broker or of the cluster; none where such brokers do not have it. */
  metric(name: MskMetricName): MetricReference[] {
    return metricSeries(name, mskMetrics[name], mskSources(this.attributes), brokerKinds(this.attributes.brokerType));
  }

  /** What alarms know of it: a series of each broker, of each way into it, and of each group in each of the topics that it reads here. */
  alarmTarget(read: readonly Reader[]): AlarmTarget {
    const { service, clusterName, brokerType, storageThroughputMiBs } = this.attributes;
    return tableTarget({
      ...{ service, offering: 'msk', table: { ...mskMetrics, ...groupMetrics }, kinds: brokerKinds(brokerType) },
      sources: { ...mskSources(this.attributes), ...groupSources(clusterName, read) },
      limits: brokerLimits(brokerType, storageThroughputMiBs),
    });
  }

  private boundAuth(): BoundService['auth'] {
    if (this.attributes.bindAs === 'iam') return { mode: 'iam' };
    const { name, secretArn } = this.user(undefined);
    const secretRef: SecretRef = { from: 'aws-secrets-manager', id: secretArn, jsonKey: 'password' };
    return { mode: 'scram', username: name, secretRef };
  }

  private user(name: string | undefined): ScramUserReference {
    const { scramUsers, service } = this.attributes;
    const user = name === undefined ? scramUsers[0] : scramUsers.find((candidate) => candidate.name === name);
    if (user === undefined) {
      const known = scramUsers.map((candidate) => candidate.name).join(', ') || 'none';
      throw new RangeError(`users of ${service} with a password are ${known}, got ${JSON.stringify(name ?? 'the first')}`);
    }
    return user;
  }
}

/** The ports that clients use, one a way in. */
export function mskPorts(scramUsers: readonly unknown[]): ServicePort[] {
  return authModes(scramUsers).map((mode) => clientPorts[mode]);
}

/** The ways into a cluster: IAM always, SCRAM where someone uses it. */
function authModes(scramUsers: readonly unknown[]): MskAuthMode[] {
  return scramUsers.length > 0 ? ['iam', 'scram'] : ['iam'];
}
