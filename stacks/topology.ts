import { createHash } from 'node:crypto';
import { SsmParameter } from '@cdktf/provider-aws/lib/ssm-parameter';
import { readBindingStatements } from '../constructs/aws/foundation/binding-access.ts';
import { DocumentBucket } from '../constructs/aws/foundation/document-bucket.ts';
import type { BindingPlace } from '../constructs/aws/worker/props.ts';
import { mergeFragments } from '../constructs/core/binding.ts';
import { type Construct, Fn, Op, TerraformLocal, TerraformOutput } from '../constructs/core/framework.ts';
import { parameterName } from '../constructs/core/naming.ts';
import { type Binding, type BindingFragment, bindingSchemaId } from '../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../runtime/src/contracts/canonical-json.ts';
import { AwsStack, type AwsStackProps } from './base.ts';
import { definePolicy } from './offers.ts';

/**
 * Longest value of a parameter of the tier Advanced, bytes; a binding holds no other characters than ASCII.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
 */
const longestBinding = 8_192;

export interface TopologyStackProps extends AwsStackProps {
  readonly encryptionKeyArn: string;
  /** What the other stacks contribute to the binding. */
  readonly fragments: readonly BindingFragment[];
}

/**
 * What services read: the merged binding, as an output and a parameter, and the topology document it points at.
 *
 * Hosts are known only once the servers stand, so Terraform itself renders the binding and hashes it.
 */
export class TopologyStack extends AwsStack {
  /** For those that read the documents, so that they come after this stack. */
  readonly place: BindingPlace;

  constructor(scope: Construct, props: TopologyStackProps) {
    super(scope, 'topology', props);
    const documents = new DocumentBucket(this, 'Documents', { purpose: 'documents', encryptionKeyArn: props.encryptionKeyArn });
    const content: Omit<Binding, 'generation'> = {
      schema: bindingSchemaId,
      environment: this.identity.name,
      services: mergeFragments(props.fragments),
      topology: storeTopology(documents, props),
    };
    const { binding, generation } = this.render(content);
    // A plain value shows its changes in the plan, and there is no secret in it to hide.
    const parameter = new SsmParameter(this, 'Binding', {
      name: parameterName(this.identity, 'binding'),
      description: 'how services reach the servers of the environment; holds no secret',
      type: 'String',
      tier: 'Advanced',
      insecureValue: binding,
      lifecycle: { precondition: [fitsParameter(binding)] },
    });
    this.place = { parameterName: parameter.name, documentsBucket: documents.bucketName, generation };
    definePolicy(this, {
      name: ['binding', 'read'],
      description: 'read the binding and the topology',
      statements: readBindingStatements(this.identity, this.place, props.encryptionKeyArn),
    });
    new TerraformOutput(this, 'binding', { value: binding, description: 'terraform output -raw binding > binding.json' });
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
  const document = canonicalJson(environment.topology);
  const hash = createHash('sha256').update(document).digest('hex');
  return { hash, location: documents.addJson('Topology', `topology/${hash}.json`, document) };
}
