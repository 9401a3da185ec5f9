import { OpensearchDomain } from '@cdktf/provider-aws/lib/opensearch-domain';
import { OpensearchDomainPolicy } from '@cdktf/provider-aws/lib/opensearch-domain-policy';
import type { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { policyDocument } from '../../core/policy.ts';
import { protectedLifecycle } from '../../core/protection.ts';
import { validate } from '../../core/validate.ts';
import { defineLogGroup } from '../foundation/log-group.ts';
import { openToClients } from '../foundation/security-group.ts';
import { domainConfig, logs } from './domain.ts';
import { maxRequestMiBOf } from './instances.ts';
import { MasterRole } from './master-role.ts';
import type { OpenSearchAttributes, OpenSearchProps } from './props.ts';
import { OpenSearchReference, openSearchPorts } from './reference.ts';
import { type ResolvedOpenSearch, resolveOpenSearch } from './resolve.ts';
import { SnapshotStore } from './snapshots.ts';
import { everyRequestStatement } from './statements.ts';
import { openSearchRules } from './validate.ts';

/**
 * One domain of OpenSearch Service: data nodes in several zones, within the network, encrypted, with access control for whoever IAM lets in, and no password.
 *
 * Two things must be in the account beforehand, once for all domains: the service-linked role `opensearchservice.amazonaws.com`, with which AWS puts nodes
 * into the network, and the resource policy of CloudWatch Logs that lets `es.amazonaws.com` write below `/aws/vendedlogs/millrace/` (a region has ten
 * such policies at most). Not switched on by the plan: what is audited, and from how many milliseconds a request counts as slow, are settings within the
 * domain and its indices.
 *
 * AWS takes a snapshot every hour and keeps it for 14 days, for the same domain alone; what outlives the domain lies in the bucket.
 *
 * @throws {MillraceError} ENVIRONMENT_INVALID naming all problems.
 * @example
 * const search = new OpenSearch(this, 'search', { service: 'search', role: 'search', network, encryptionKeyArn });
 * search.grantIndexWrite('Sink', { roleName: 'log-sink' }, 'logs-*');
 */
export class OpenSearch extends OpenSearchReference {
  private readonly domain: OpensearchDomain;

  constructor(scope: Construct, id: string, props: OpenSearchProps) {
    super(scope, id);
    const domain = resolveOpenSearch(props, identityOf(this));
    validate(`opensearch ${props.service}`, openSearchRules, domain);
    const { service, network } = domain;
    this.connections = openToClients(this, { service, network, description: `servers of ${service}`, ports: openSearchPorts(service) });
    const snapshots = domain.snapshotBucket ? new SnapshotStore(this, 'Snapshots', domain).attributes : undefined;
    const { roleArn: masterRoleArn } = new MasterRole(this, 'MasterRole', domain, snapshots);
    this.domain = this.defineDomain(domain, masterRoleArn);
    this.definePolicy(domain);
    this.attributes = { ...this.attributesOf(domain), masterRoleArn, ...(snapshots === undefined ? {} : { snapshots }) };
  }

  /** A domain that someone else keeps, with the same public face. */
  static fromAttributes(scope: Construct, id: string, attributes: OpenSearchAttributes): OpenSearchReference {
    return new OpenSearchReference(scope, id, { attributes, ports: openSearchPorts(attributes.service) });
  }

  /** The way around this construct: sets any argument of the domain, by its Terraform name. */
  override(path: string, value: unknown): void {
    this.domain.addOverride(path, value);
  }

  private attributesOf(domain: ResolvedOpenSearch): Omit<OpenSearchAttributes, 'masterRoleArn' | 'snapshots'> {
    const { service, role, domainName, dataNodes, dedicatedMasters, warmNodes, coldStorage, zones, warmNodeType } = domain;
    const { region, account } = identityOf(this);
    return {
      ...{ service, role, region, account, domainName, dataNodes, dedicatedMasters, warmNodes, coldStorage, zones },
      ...(domain.hasVolume ? { diskGiB: domain.diskGiB } : {}),
      ...(warmNodes > 0 ? { warmNodeType } : {}),
      arn: this.domain.arn,
      host: domain.customEndpoint?.hostName ?? this.domain.endpoint,
      securityGroupId: this.connections.securityGroupId,
      maxRequestMiB: maxRequestMiBOf(domain.dataNodeType),
    };
  }

  private defineDomain(domain: ResolvedOpenSearch, masterRoleArn: string): OpensearchDomain {
    const { service, encryptionKeyArn } = domain;
    return new OpensearchDomain(this, 'Resource', {
      ...domainConfig(domain, {
        masterRoleArn,
        securityGroupId: this.connections.securityGroupId,
        logPublishingOptions: logs.map(({ logType, name }) => ({
          logType,
          cloudwatchLogGroupArn: defineLogGroup(this, name, [service, name], encryptionKeyArn).arn,
          enabled: true,
        })),
      }),
      ...protectedLifecycle(identityOf(this)),
    });
  }

  /** Principals of the account whom IAM lets in, and nobody else; a policy of its own, because it names the domain that it is about. */
  private definePolicy({ domainArn, accountRootArn }: ResolvedOpenSearch): void {
    const statement = { ...everyRequestStatement(domainArn), Principal: { AWS: accountRootArn } };
    new OpensearchDomainPolicy(this, 'AccessPolicy', {
      domainName: this.domain.domainName,
      accessPolicies: policyDocument([statement]),
    });
  }
}
