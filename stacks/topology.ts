import { createHash } from 'node:crypto';
import { SsmParameter } from '@cdktf/provider-aws/lib/ssm-parameter';
import { ApplyFunction } from '../constructs/aws/apply-function/index.ts';
import {
  archivePrefix,
  keepArchiveStatements,
  purgeArchiveStatements,
  readBindingStatements,
} from '../constructs/aws/foundation/binding-access.ts';
import { Bucket } from '../constructs/aws/foundation/bucket.ts';
import { DocumentBucket } from '../constructs/aws/foundation/document-bucket.ts';
import type { NetworkReference } from '../constructs/aws/network/index.ts';
import { documentsPurpose, usersDocumentOf } from '../constructs/aws/redis-sentinel/resolve.ts';
import type { BindingPlace } from '../constructs/aws/worker/props.ts';
import { mergeFragments } from '../constructs/core/binding.ts';
import { type Construct, Fn, Op, TerraformLocal, TerraformOutput } from '../constructs/core/framework.ts';
import { parameterName } from '../constructs/core/naming.ts';
import type { PolicyStatement } from '../constructs/core/policy.ts';
import { topologyDocument } from '../environments/document.ts';
import { type Binding, type BindingFragment, bindingSchemaId } from '../runtime/src/contracts/binding.ts';
import { servicesOf } from '../runtime/src/contracts/topology.ts';
import { aclDocumentOf, aclUsersOf } from './acl-users.ts';
import { AwsStack, type AwsStackProps } from './base.ts';
import { definePolicy } from './offers.ts';
import { packedCode } from './packed-code.ts';

/**
 * Longest value of a parameter of the tier Advanced, bytes; a binding holds no other characters than ASCII.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
 */
const longestBinding = 8_192;

/** When an archive moves to a tier that costs a sixth to keep and is read at once all the same; nearly nothing is read after a quarter. */
const coolAfterDays = 90;

export interface TopologyStackProps extends AwsStackProps {
  readonly network: NetworkReference;
  readonly encryptionKeyArn: string;
  /** What the other stacks contribute to the binding. */
  readonly fragments: readonly BindingFragment[];
  /** What keeping topics, queues and indices takes, by name of the service. */
  readonly administrable: Readonly<Record<string, readonly PolicyStatement[]>>;
}

/**
 * What services read: the merged binding, as an output and a parameter, and the topology document it points at; what makes the servers as that declares; and
 * where a database's log is archived.
 *
 * Hosts are known only once the servers stand, so Terraform itself renders the binding and hashes it.
 */
export class TopologyStack extends AwsStack {
  /** For those that read the documents, so that they come after this stack. */
  readonly place: BindingPlace;

  constructor(scope: Construct, props: TopologyStackProps) {
    super(scope, 'topology', props);
    const { encryptionKeyArn, fragments } = props;
    const documents = new DocumentBucket(this, 'Documents', { purpose: documentsPurpose, encryptionKeyArn });
    const services = mergeFragments(fragments);
    const topology = storeTopology(documents, props);
    this.storeUsers(documents, props);
    const archive = this.defineArchive(services, encryptionKeyArn);
    const content: Omit<Binding, 'generation'> = {
      schema: bindingSchemaId,
      environment: this.identity.name,
      services,
      topology,
      ...(archive === undefined ? {} : { archive: { location: `s3://${archive.bucketName}/${archivePrefix}` } }),
    };
    this.place = { ...this.publish(content), documentsBucket: documents.bucketName, ...(archive && { archiveBucket: archive.bucketName }) };
    definePolicy(this, {
      name: ['binding', 'read'],
      description: 'read the binding and the topology',
      statements: readBindingStatements(this.identity, this.place, encryptionKeyArn),
    });
    this.defineApply(props, topology.hash);
  }

  /** For machines of Redis that start: what users of the topology may do. To those that run `millrace apply` brings it. */
  private storeUsers(documents: DocumentBucket, { environment: { services, topology } }: TopologyStackProps): void {
    for (const [service, { kind }] of Object.entries(services)) {
      if (kind !== 'redis-sentinel' || aclUsersOf(topology, service).length === 0) continue;
      documents.addJson(`Users-${service}`, usersDocumentOf(this.identity, service).key, aclDocumentOf(topology, service));
    }
  }

  /** Where old partitions of the log go: what a database keeps for days, this keeps for good. */
  private defineArchive(services: BindingFragment, encryptionKeyArn: string): Bucket | undefined {
    if (Object.values(services).every(({ kind }) => kind !== 'postgres')) return undefined;
    const replacedDays = this.identity.backupDays;
    const bucket = new Bucket(this, 'Archive', { purpose: 'archive', encryptionKeyArn, content: 'archives', replacedDays, coolAfterDays });
    const keep = keepArchiveStatements(this.identity, bucket.bucketName, encryptionKeyArn);
    definePolicy(this, { name: ['archive', 'keep'], description: 'archive the log and restore from it', statements: keep });
    definePolicy(this, {
      name: ['archive', 'redact'],
      description: 'redact the archive of the log, with all former versions',
      statements: [...keep, ...purgeArchiveStatements(this.identity, bucket.bucketName)],
    });
    return bucket;
  }

  /** Renders the binding into its parameter. A plain value shows its changes in the plan, and there is no secret in it to hide. */
  private publish(content: Omit<Binding, 'generation'>): Pick<BindingPlace, 'parameterName' | 'generation'> {
    const { binding, generation } = this.render(content);
    const parameter = new SsmParameter(this, 'Binding', {
      name: parameterName(this.identity, 'binding'),
      description: 'how services reach the servers of the environment; holds no secret',
      type: 'String',
      tier: 'Advanced',
      insecureValue: binding,
      lifecycle: { precondition: [fitsParameter(binding)] },
    });
    new TerraformOutput(this, 'binding', { value: binding, description: 'terraform output -raw binding > binding.json' });
    return { parameterName: parameter.name, generation };
  }

  /** Where the topology has objects for no service there is nothing to apply, and no function. */
  private defineApply({ environment, network, encryptionKeyArn, administrable }: TopologyStackProps, topologyHash: string): void {
    const administers = Object.fromEntries(servicesOf(environment.topology).map((service) => [service, administrable[service] ?? []]));
    if (Object.keys(administers).length === 0) return;
    const { allowDestroy } = environment.protection;
    const apply = new ApplyFunction(this, 'Apply', {
      ...{ network, encryptionKeyArn, binding: this.place, topologyHash, code: packedCode('apply'), administers, allowDestroy },
    });
    new TerraformOutput(this, 'apply_function_name', {
      value: apply.functionName,
      description: `what differs: aws lambda invoke --function-name NAME --cli-binary-format raw-in-base64-out --payload '{"check":true}' /dev/stdout`,
    });
    new TerraformOutput(this, 'apply_log_group', { value: apply.logGroupName, description: 'what was done to each object, as JSON lines' });
  }

  private render(content: Omit<Binding, 'generation'>): { readonly binding: string; readonly generation: string } {
    const { expression } = new TerraformLocal(this, 'binding_content', content);
    const generation = new TerraformLocal(this, 'binding_generation', Fn.sha256(Fn.jsonencode(expression))).asString;
    const rendered = new TerraformLocal(this, 'rendered_binding', Fn.jsonencode(Fn.merge([expression, { generation }])));
    return { binding: rendered.asString, generation };
  }
}

/** Hosts are known late, so this is as early as the length is: after the servers stand, and before what services read is replaced. */
function fitsParameter(binding: string) {
  return {
    condition: Op.lte(Fn.lengthOf(binding), longestBinding),
    errorMessage: `the binding must have at most ${longestBinding} characters, which is what a parameter holds, got more: put some of the services into an environment of their own`,
  };
}

function storeTopology(documents: DocumentBucket, { environment }: TopologyStackProps): NonNullable<Binding['topology']> {
  const document = topologyDocument(environment);
  const hash = createHash('sha256').update(document).digest('hex');
  return { hash, location: documents.addJson('Topology', `topology/${hash}.json`, document) };
}
