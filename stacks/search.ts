import { OpenSearch } from '../constructs/aws/opensearch/index.ts';
import { type Construct, TerraformOutput } from '../constructs/core/framework.ts';
import { overridesOf, type ServerPlan, ServerStack, type ServerStackProps } from './server-stack.ts';

const plan: ServerPlan<'opensearch', OpenSearch> = {
  define: (scope, { declaration, props }) => new OpenSearch(scope, props.service, { ...props, ...overridesOf(declaration) }),
  alarmTarget: (domain) => domain.alarmTarget(),
  offers(domain) {
    const { service } = domain.attributes;
    return [
      { name: ['read'], description: `read documents of ${service}`, statements: domain.readStatements() },
      { name: ['write'], description: `write documents in ${service}`, statements: domain.writeStatements() },
      { name: ['administer'], description: `become the master user of ${service}`, statements: domain.administerStatements() },
    ];
  },
};

/** Every OpenSearch domain of an environment, one a service. */
export class SearchStack extends ServerStack<'opensearch', OpenSearch> {
  constructor(scope: Construct, props: ServerStackProps<'opensearch'>) {
    super(scope, 'search', props, plan);
    for (const domain of this.servers) this.defineOutputs(domain);
  }

  /** What the topology needs: whom to become, and where snapshots go by way of which role. */
  private defineOutputs(domain: OpenSearch): void {
    const { service, masterRoleArn, snapshots } = domain.attributes;
    new TerraformOutput(this, `${service}_master_role_arn`, { value: masterRoleArn });
    if (snapshots === undefined) return;
    new TerraformOutput(this, `${service}_snapshot_bucket`, { value: snapshots.bucketName });
    new TerraformOutput(this, `${service}_snapshot_role_arn`, { value: snapshots.roleArn });
  }
}
