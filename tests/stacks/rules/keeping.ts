import { keptTypes } from '../../../constructs/core/protection.ts';
import { argumentRule, isGiven } from './arguments.ts';
import { type Block, ofTypes, type StackContent, valuesAt } from './content.ts';
import { type Rule, resource } from './rule.ts';

/** What cannot be made again from the repository, and what nothing here makes yet. */
const holdsData = [
  ...keptTypes,
  'aws_db_instance',
  'aws_dynamodb_table',
  'aws_efs_file_system',
  'aws_opensearchserverless_collection',
  'aws_rds_cluster',
] as const;

const isProtected = ({ arguments: args }: Block): boolean => valuesAt(args, 'lifecycle.prevent_destroy').includes(true);
const plantedLifecycle = (prevent_destroy: boolean) => ({ lifecycle: { prevent_destroy } });

/** What the probe prints becomes metrics at once, and these are kept for 15 months. */
const metricLogDays = 14;
const isOfMetrics = ({ arguments: { name } }: Block): boolean => /^\/aws\/vendedlogs\/millrace\/[a-z0-9-]+\/probe$/.test(String(name));

const tagNames = ['managed-by', 'millrace:environment', 'millrace:stack'] as const;

function untagged({ name, identity, config }: StackContent): readonly string[] {
  const providers = config.provider?.aws ?? [];
  if (providers.length === 0) return [`${name} has no provider for AWS`];
  return providers.flatMap((provider) => {
    const [tags = {}] = valuesAt(provider, 'default_tags.tags') as Record<string, string>[];
    const missing = tagNames.filter((tag) => !tags[tag]);
    const environment = tags['millrace:environment'] === identity.name ? [] : [`${name} tags its resources as of another environment`];
    return [...missing.map((tag) => `${name} does not tag its resources with ${tag}`), ...environment];
  });
}

const goodTags = { 'managed-by': 'x', 'millrace:environment': 'planted', 'millrace:stack': 'planted-stack' };
const tagged = (tags: Record<string, string>) => ({ provider: { aws: [{ default_tags: [{ tags }] }] } });

export const keepingRules: readonly Rule[] = [
  {
    id: 'what-holds-data-is-protected',
    what: 'in a protected environment terraform refuses to destroy or replace what holds data',
    violations: (stack) =>
      stack.identity.deletionProtection
        ? ofTypes(stack, ...holdsData)
            .filter((block) => !isProtected(block))
            .map(({ type, path }) => `${type} ${path} can be destroyed`)
        : [],
    planted: holdsData.flatMap((type) => [resource(type, {}), resource(type, plantedLifecycle(false))]),
  },
  {
    id: 'what-may-go-is-not-protected',
    what: 'in another environment nothing stands in the way',
    violations: (stack) =>
      stack.identity.deletionProtection
        ? []
        : stack.blocks.filter(isProtected).map(({ type, path }) => `${type} ${path} cannot be destroyed`),
    planted: [{ ...resource('aws_s3_bucket', plantedLifecycle(true)), identity: { deletionProtection: false } }],
  },
  {
    id: 'logs-are-kept',
    what: 'a log group is kept as long as the environment says, and no log for ever',
    violations: (stack) =>
      ofTypes(stack, 'aws_cloudwatch_log_group')
        .map((block) => ({ ...block, least: isOfMetrics(block) ? metricLogDays : stack.identity.serverLogDays }))
        .filter(({ least, arguments: { retention_in_days: days } }) => !(Number(days) >= least))
        .map(({ path, least, arguments: { retention_in_days: days } }) => `${path} must be kept ${least} days, got ${days ?? 'nothing'}`),
    planted: [
      resource('aws_cloudwatch_log_group', {}),
      resource('aws_cloudwatch_log_group', { name: '/aws/vendedlogs/millrace/planted/probe', retention_in_days: 7 }),
      resource('aws_cloudwatch_log_group', { retention_in_days: 0 }),
      resource('aws_cloudwatch_log_group', { retention_in_days: 180 }),
    ],
  },
  ...[
    { type: 'aws_cloudwatch_log_group', argument: 'kms_key_id' },
    { type: 'aws_secretsmanager_secret', argument: 'kms_key_id' },
    { type: 'aws_sns_topic', argument: 'kms_master_key_id' },
    { type: 'aws_sqs_queue', argument: 'kms_master_key_id' },
  ].map((row) =>
    argumentRule({
      ...row,
      must: 'a key of ours',
      holds: (value) => isGiven(value) && !String(value).startsWith('alias/aws/'),
      wrong: 'alias/aws/x',
    }),
  ),
  {
    id: 'stacks-are-tagged',
    what: 'whose a resource is and what made it can be seen on it',
    violations: untagged,
    planted: [
      {},
      tagged({}),
      ...tagNames.map((tag) => tagged({ ...goodTags, [tag]: '' })),
      tagged({ ...goodTags, 'millrace:environment': 'other' }),
    ],
  },
  {
    id: 'stacks-stay-in-their-account',
    what: "a plan is refused in another account than the environment's",
    violations: ({ name, identity, config }) =>
      (config.provider?.aws ?? [])
        .filter(
          ({ allowed_account_ids, region }) =>
            JSON.stringify(allowed_account_ids) !== JSON.stringify([identity.account]) || region !== identity.region,
        )
        .map(() => `${name} can be applied outside its account or region`),
    planted: [tagged(goodTags), { provider: { aws: [{ allowed_account_ids: ['999999999999'], region: 'eu-central-1' }] } }],
  },
];
