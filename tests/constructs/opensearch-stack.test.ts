import { App } from '../../constructs/core/framework.ts';
import type { ServiceDeclaration } from '../../environments/schema.ts';
import { parseEnvironment } from '../../environments/schema.ts';
import type { AwsEnvironment } from '../../stacks/base.ts';
import { SearchStack } from '../../stacks/search.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';
import { network, statements } from './opensearch.ts';

type Services = Record<string, Extract<ServiceDeclaration, { kind: 'opensearch' }>>;

/** The stack of an environment that declares `services`. */
function stackOf(services: Services): { template: Template; names: string[] } {
  const environment = parseEnvironment({
    name: 'test',
    size: 'small',
    engine: { kind: 'aws', account: '111111111111', region: 'eu-central-1', network: { kind: 'own', cidr: '10.0.0.0/16' } },
    services,
  }) as AwsEnvironment;
  return inTemporaryFolder((outdir) => {
    const app = new App({ outdir });
    const props = { environment, state: { kind: 'local' }, network, encryptionKeyArn: 'arn:aws:kms:key', services } as const;
    const { fragment } = new SearchStack(app, props);
    app.synth();
    return { template: Template.read(outdir, 'test-search'), names: Object.keys(fragment) };
  });
}

const { template, names } = stackOf({
  search: { kind: 'opensearch', role: 'search' },
  logs: { kind: 'opensearch', role: 'search', overrides: { diskGiB: 50, version: '3.3' } },
});

test('every service is a domain, and in the binding', () => {
  expect(names).toEqual(['logs', 'search']);
  expect(template.one('aws_opensearch_domain', { domain_name: 'test-logs' })).toMatchObject({
    engine_version: 'OpenSearch_3.3',
    ebs_options: { volume_size: 50 },
  });
  expect(Object.keys(template.outputs().binding_fragment as object)).toEqual(['logs', 'search']);
});

test('its grants are policies to attach, its master user and its snapshots are told', () => {
  const outputs = Object.keys(template.outputs()).filter((name) => name.startsWith('search_'));
  expect(outputs.sort()).toEqual([
    'search_administer_policy_arn',
    'search_master_role_arn',
    'search_read_policy_arn',
    'search_snapshot_bucket',
    'search_snapshot_role_arn',
    'search_write_policy_arn',
  ]);
  expect(template.all('aws_iam_policy').map(({ name }) => name)).toEqual(
    ['logs', 'search'].flatMap((service) => ['administer', 'read', 'write'].map((verb) => `test-${service}-${verb}`)),
  );
  expect(statements(template.one('aws_iam_policy', { name: 'test-search-administer' }).policy)).toEqual([
    expect.objectContaining({ Action: 'sts:AssumeRole' }),
  ]);
});
