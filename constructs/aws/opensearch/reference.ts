import type { BindingFragment, BoundService } from '../../../runtime/src/contracts/binding.ts';
import { type AlarmTarget, tableTarget } from '../../core/alarm-target.ts';
import { contentHash } from '../../core/content-hash.ts';
import { type MetricReference, metricSeries } from '../../core/metric.ts';
import type { Grantee, PolicyStatement } from '../../core/policy.ts';
import { clientPort, type ServicePort } from '../foundation/connections.ts';
import { grantToRole } from '../foundation/grant.ts';
import { ServerReference } from '../foundation/reference.ts';
import { warmStorageMiBOf } from './instances.ts';
import { type OpenSearchMetric, openSearchMetrics, openSearchSources } from './metrics.ts';
import type { OpenSearchAttributes, SnapshotAttributes } from './props.ts';
import { everyIndex, readStatements, snapshotStatements, writeStatements } from './statements.ts';

/** What every version gives a data node; newer ones give one with a large heap more. @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/bp-sharding.html */
const shardsPerNode = 1_000;
/** OpenSearch Service listens nowhere else. */
const httpsPort = 443;

/**
 * A domain, ours or another's: how to bind it, to let someone in, and to watch it.
 *
 * IAM decides which requests reach the domain; within it, access control decides once more. So a role that was granted something here must also be mapped
 * to a role within the domain, which is a matter of the topology. One that is not mapped is let in and may do nothing.
 */
export class OpenSearchReference extends ServerReference<OpenSearchAttributes> {
  binding(): BindingFragment {
    const { service, role, region, domainName, arn, host, dataNodes, zones, maxRequestMiB } = this.attributes;
    return {
      [service]: {
        kind: 'opensearch',
        role,
        endpoints: [{ purpose: 'primary', host, port: httpsPort, authMode: 'iam' }],
        tls: {},
        auth: { mode: 'iam' },
        iam: { region, service: 'es', resourceName: domainName },
        resourceArns: [arn],
        limits: { dataNodes, zones, maxRequestMiB },
        administration: this.administration(),
      },
    };
  }

  /** What an IAM identity needs in order to read documents of every index, and nothing more. */
  readStatements(): PolicyStatement[] {
    return readStatements(this.attributes.arn, everyIndex);
  }

  /** What an IAM identity needs in order to write and delete documents in every index, and nothing more: it reads none, and makes or deletes no index. */
  writeStatements(): PolicyStatement[] {
    return writeStatements(this.attributes.arn, everyIndex);
  }

  /**
   * What an IAM identity needs in order to read documents of one index, data stream or alias.
   *
   * @param index its name, or a pattern such as `logs-*`
   * @throws {RangeError} when no index can have that name.
   */
  indexReadStatements(index: string): PolicyStatement[] {
    return readStatements(this.attributes.arn, checkedIndex(index));
  }

  /**
   * What an IAM identity needs in order to write and delete documents in one index, data stream or alias.
   *
   * @param index its name, or a pattern such as `logs-*`
   * @throws {RangeError} when no index can have that name.
   */
  indexWriteStatements(index: string): PolicyStatement[] {
    return writeStatements(this.attributes.arn, checkedIndex(index));
  }

  /**
   * What an IAM identity needs in order to register the bucket as a repository and to take and restore snapshots.
   *
   * @throws {RangeError} when the domain has no bucket for snapshots.
   */
  snapshotStatements(): PolicyStatement[] {
    const { service, arn, snapshots } = this.attributes;
    if (snapshots === undefined) throw new RangeError(`${service} must have a bucket for snapshots, got none`);
    return snapshotStatements(arn, snapshots.roleArn);
  }

  /**
   * What an IAM identity needs in order to become the master user, who maps roles and keeps index templates, lifecycles and snapshots.
   *
   * @throws {RangeError} when the role of the master user is not known.
   */
  administerStatements(): PolicyStatement[] {
    const { service, masterRoleArn } = this.attributes;
    if (masterRoleArn === undefined) throw new RangeError(`${service} must have a known master role, got none`);
    return [{ Sid: 'BecomeMasterUser', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: masterRoleArn }];
  }

  /** Lets a role read documents of every index: `es:ESHttpGet`, `es:ESHttpHead`; `es:ESHttpPost` to what searches; `es:ESHttpDelete` of its long searches. */
  grantRead(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: 'read', statements: this.readStatements() });
  }

  /** Lets a role write documents in every index: `es:ESHttpPut`, `es:ESHttpPost`, `es:ESHttpDelete` of documents; `es:ESHttpGet` of the root. */
  grantWrite(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: 'write', statements: this.writeStatements() });
  }

  /** `grantRead` of one index, or of those of a pattern. @throws {RangeError} when no index can have that name. */
  grantIndexRead(id: string, grantee: Grantee, index: string): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: `read-${contentHash(index)}`, statements: this.indexReadStatements(index) });
  }

  /** `grantWrite` of one index, or of those of a pattern. @throws {RangeError} when no index can have that name. */
  grantIndexWrite(id: string, grantee: Grantee, index: string): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: `write-${contentHash(index)}`, statements: this.indexWriteStatements(index) });
  }

  /** Lets a role manage snapshots: `iam:PassRole` of the snapshots' role; `es:ESHttp*` verbs below `_snapshot`. @throws {RangeError} without a bucket. */
  grantSnapshots(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: 'snapshots', statements: this.snapshotStatements() });
  }

  /** Lets a role become the master user: `sts:AssumeRole` of its role. @throws {RangeError} when that role is not known. */
  grantAdminister(id: string, grantee: Grantee): readonly PolicyStatement[] {
    return this.grant(id, grantee, { name: 'administer', statements: this.administerStatements() });
  }

  /** A metric of the domain; none where it is about nodes that the domain does not have. */
  metric(metricName: OpenSearchMetric): MetricReference[] {
    return metricSeries(metricName, openSearchMetrics[metricName], openSearchSources(this.attributes));
  }

  /** What alarms know of it: one series of each metric, that of the worst node. */
  alarmTarget(): AlarmTarget {
    const { service, dataNodes, dedicatedMasters, warmNodes, diskGiB, warmNodeType } = this.attributes;
    return tableTarget({
      ...{ service, offering: 'opensearch', table: openSearchMetrics, sources: openSearchSources(this.attributes) },
      limits: {
        nodes: dataNodes + dedicatedMasters + warmNodes,
        shards: dataNodes * shardsPerNode,
        storageMiBPerNode: diskGiB && diskGiB * 1_024,
        warmStorageMiB: warmNodeType === undefined ? undefined : warmStorageMiBOf(warmNodeType, warmNodes),
      },
    });
  }

  /** For whoever applies the topology: whom to become, where snapshots lie as a repository is registered, and where older indices can go. */
  private administration(): NonNullable<BoundService['administration']> {
    const { region, masterRoleArn, snapshots, warmNodes, coldStorage = false } = this.attributes;
    return {
      ...(masterRoleArn === undefined ? {} : { roleArn: masterRoleArn }),
      ...(snapshots === undefined ? {} : { snapshotRepository: { type: 's3', settings: repositorySettings(region, snapshots) } }),
      tiers: warmNodes === 0 ? 'none' : coldStorage ? 'ultrawarm-and-cold' : 'ultrawarm',
    };
  }

  private grant(
    id: string,
    grantee: Grantee,
    { name, statements }: { readonly name: string; readonly statements: readonly PolicyStatement[] },
  ): readonly PolicyStatement[] {
    return grantToRole(this, id, { grantee, name: `${name}-${this.attributes.domainName}`, statements });
  }
}

/**
 * One folder for all: a domain of one's own has the bucket to itself.
 *
 * @see https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshot-registerdirectory.html
 */
function repositorySettings(region: string, { bucketName, roleArn }: SnapshotAttributes): Record<string, string> {
  // There the service takes no region.
  const place: Record<string, string> = region === 'us-east-1' ? { endpoint: 's3.amazonaws.com' } : { region };
  return { bucket: bucketName, base_path: 'snapshots', role_arn: roleArn, ...place };
}

/** The one port of a domain. */
export function openSearchPorts(service: string): ServicePort[] {
  return [clientPort(httpsPort, service)];
}

function checkedIndex(index: string): string {
  if (/^[a-z0-9][a-z0-9._*-]*$/.test(index)) return index;
  throw new RangeError(`index must be the name or pattern of one, of lower-case letters, digits and . _ - *, got ${JSON.stringify(index)}`);
}
