import { MskServerlessCluster } from '@cdktf/provider-aws/lib/msk-serverless-cluster';
import { type Construct, Fn } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { openToClients } from '../foundation/security-group.ts';
import { clientPorts } from '../msk/ports.ts';
import type { MskServerlessAttributes, MskServerlessProps } from './props.ts';
import { MskServerlessReference } from './reference.ts';
import { type ResolvedMskServerless, resolveMskServerless } from './resolve.ts';
import { mskServerlessRules } from './validate.ts';

/**
 * Kafka of MSK without brokers to size, paid by use: IAM is its only way in, TLS and encryption at rest have no switch.
 *
 * MSK decides version, copies (three, two of which acknowledge) and server properties, delivers no logs and no metrics of brokers, and limits what a
 * cluster carries: the topology has to fit its quotas for partitions and throughput.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/limits.html#serverless-quota
 * @example
 * const log = new MskServerless(this, 'log', { service: 'log', role: 'log', network, encryptionKeyArn });
 * log.grantConsume('Emails', { roleName: 'emails' }, { topics: ['orders.created'], groups: ['emails'] });
 */
export class MskServerless extends MskServerlessReference {
  private readonly cluster: MskServerlessCluster;

  constructor(scope: Construct, id: string, props: MskServerlessProps) {
    super(scope, id);
    const msk = resolveMskServerless(props, identityOf(this));
    validate(`msk serverless ${props.service}`, mskServerlessRules, msk);
    const { service, network } = msk;
    this.connections = openToClients(this, { service, network, description: `brokers of ${service}`, ports: [clientPorts.iam] });
    const { securityGroupId } = this.connections;
    this.cluster = this.defineCluster(msk, securityGroupId);
    this.attributes = { ...this.attributesOf(msk), securityGroupId };
  }

  /** A serverless cluster that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: MskServerlessAttributes): MskServerlessReference {
    return new MskServerlessReference(scope, id, { attributes, ports: [clientPorts.iam] });
  }

  /** The way around this construct: sets any argument of the cluster, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.cluster.addOverride(path, value);
  }

  private attributesOf({ service, role, clusterName }: ResolvedMskServerless): Omit<MskServerlessAttributes, 'securityGroupId'> {
    const { arn, bootstrapBrokersSaslIam } = this.cluster;
    return {
      service,
      role,
      region: identityOf(this).region,
      clusterName,
      arn,
      // One `host:port`, whatever stands behind it.
      bootstrapHost: Fn.element(Fn.split(':', bootstrapBrokersSaslIam), 0) as string,
    };
  }

  private defineCluster({ clusterName, subnetIds }: ResolvedMskServerless, securityGroupId: string): MskServerlessCluster {
    return new MskServerlessCluster(this, 'Resource', {
      clusterName,
      clientAuthentication: { sasl: { iam: { enabled: true } } },
      vpcConfig: [{ subnetIds: [...subnetIds], securityGroupIds: [securityGroupId] }],
      timeouts: { create: '120m', delete: '120m' },
      ...protectedLifecycle(identityOf(this)),
    });
  }
}
