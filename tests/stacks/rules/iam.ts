import { ofTypes, type StackContent, textsIn } from './content.ts';
import { type Rule, resource } from './rule.ts';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action?: string | readonly string[];
  readonly NotAction?: unknown;
  readonly Resource?: string | readonly string[];
  readonly Condition?: unknown;
}

interface Found {
  readonly type: string;
  readonly where: string;
  readonly statement: Statement;
}

/** Where policies stand. In those of `resource` a `*` as resource means the resource itself. */
const policies: readonly { readonly type: string; readonly argument: string; readonly of: 'identity' | 'resource' }[] = [
  { type: 'aws_iam_policy', argument: 'policy', of: 'identity' },
  { type: 'aws_iam_role_policy', argument: 'policy', of: 'identity' },
  { type: 'aws_iam_role', argument: 'assume_role_policy', of: 'resource' },
  { type: 'aws_kms_key', argument: 'policy', of: 'resource' },
  { type: 'aws_s3_bucket_policy', argument: 'policy', of: 'resource' },
  { type: 'aws_sns_topic_policy', argument: 'policy', of: 'resource' },
  { type: 'aws_sqs_queue_policy', argument: 'policy', of: 'resource' },
  { type: 'aws_secretsmanager_secret_policy', argument: 'policy', of: 'resource' },
  { type: 'aws_msk_cluster_policy', argument: 'policy', of: 'resource' },
  { type: 'aws_opensearch_domain', argument: 'access_policies', of: 'resource' },
  { type: 'aws_opensearch_domain_policy', argument: 'access_policies', of: 'resource' },
  { type: 'aws_cloudwatch_log_resource_policy', argument: 'policy_document', of: 'resource' },
  { type: 'aws_vpc_endpoint', argument: 'policy', of: 'resource' },
];
const identityTypes = policies.filter((row) => row.of === 'identity').map(({ type }) => type);

/** Statements that allow every action of a service, and why that is right. */
const everyAction: readonly { readonly type: string; readonly sid: string; readonly reason: string }[] = [
  { type: 'aws_kms_key', sid: 'AccountAdministersThroughIam', reason: 'without it nobody could change the key any more' },
  { type: 'aws_vpc_endpoint', sid: 'BucketsOfThisAccount', reason: 'the end point says which buckets are reached, IAM says what for' },
];

/** Actions that know no resource. @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html */
const withoutResource =
  /^(ssmmessages:|cloudwatch:PutMetricData$|ecr:GetAuthorizationToken$|ec2:Describe[A-Z]\w+$|xray:Put\w+$|sts:GetCallerIdentity$)/;

const list = (value: string | readonly string[] | undefined): readonly string[] => (typeof value === 'string' ? [value] : (value ?? []));

/** Every statement that allows something; a document that cannot be read is a violation of its own. */
function allowed(stack: StackContent): readonly Found[] {
  return policies.flatMap(({ type, argument }) =>
    ofTypes(stack, type).flatMap(({ path, arguments: args }) =>
      statementsOf(args[argument])
        .filter(({ Effect }) => Effect === 'Allow')
        .map((statement) => ({ type, where: `${type} ${path} ${statement.Sid ?? 'without Sid'}`, statement })),
    ),
  );
}

function statementsOf(document: unknown): readonly Statement[] {
  if (document === undefined) return [];
  try {
    return JSON.parse(String(document)).Statement;
  } catch {
    return [];
  }
}

const readable = (document: unknown): boolean =>
  document === undefined || (Array.isArray(statementsOf(document)) && statementsOf(document).length > 0);

const plantedPolicy = (type: string, argument: string, statement: Partial<Statement>) =>
  resource(type, {
    [argument]: JSON.stringify({ Statement: [{ Sid: 'Planted', Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn', ...statement }] }),
  });

export const iamRules: readonly Rule[] = [
  {
    id: 'policies-are-written-out',
    what: 'a policy stands in the plan as a document with statements, so that it can be reviewed',
    violations: (stack) => [
      ...policies.flatMap(({ type, argument }) =>
        ofTypes(stack, type)
          .filter(({ arguments: args }) => !readable(args[argument]))
          .map(({ path }) => `${type} ${path}: ${argument} cannot be read`),
      ),
      ...stack.blocks
        .filter(({ type, arguments: args }) => type.startsWith('aws_') && isUnknownPolicy(type, args))
        .map(({ type, path }) => `${type} ${path} holds a policy that no rule reads`),
    ],
    planted: [
      resource('aws_iam_policy', { policy: `\${data.aws_iam_policy_document.x.json}` }),
      resource('aws_iam_role', { assume_role_policy: '{}' }),
      resource('aws_ecr_repository_policy', { policy: '{"Version":"2012-10-17","Statement":[]}' }),
    ],
  },
  {
    id: 'policies-name-their-actions',
    what: 'no policy allows all actions, of all services or of one',
    violations: (stack) =>
      allowed(stack)
        .filter(({ type, statement }) => !everyAction.some((known) => known.type === type && known.sid === statement.Sid))
        .filter(
          ({ statement: { Action, NotAction } }) =>
            NotAction !== undefined || list(Action).some((action) => /^(\*|[a-z0-9-]+:\*)$/.test(action)),
        )
        .map(({ where }) => `${where} allows every action`),
    planted: [
      ...policies.map(({ type, argument }) => plantedPolicy(type, argument, { Action: '*' })),
      plantedPolicy('aws_iam_role_policy', 'policy', { Action: ['s3:GetObject', 'kms:*'] }),
      plantedPolicy('aws_iam_policy', 'policy', { NotAction: 'iam:*' }),
    ],
  },
  {
    id: 'policies-name-their-resources',
    what: 'what a role may do, it may do with named resources',
    violations: (stack) =>
      allowed(stack)
        .filter(({ type }) => identityTypes.includes(type))
        .filter(
          ({ statement: { Action, Resource } }) =>
            list(Resource).includes('*') && !list(Action).every((action) => withoutResource.test(action)),
        )
        .map(({ where }) => `${where} allows it for every resource`),
    planted: [
      plantedPolicy('aws_iam_policy', 'policy', { Resource: '*' }),
      plantedPolicy('aws_iam_role_policy', 'policy', { Resource: ['arn', '*'], Action: ['cloudwatch:PutMetricData', 's3:GetObject'] }),
    ],
  },
  {
    id: 'policies-name-whom-they-trust',
    what: 'no policy allows everybody something without a condition, but for end points, which IAM stands behind',
    violations: (stack) =>
      allowed(stack)
        .filter(({ type }) => type !== 'aws_vpc_endpoint')
        .filter(
          ({ statement: { Principal, Condition } }) =>
            Condition === undefined && ['"*"', '{"AWS":"*"}', '{"AWS":["*"]}'].includes(JSON.stringify(Principal) ?? ''),
        )
        .map(({ where }) => `${where} trusts everybody`),
    planted: [
      plantedPolicy('aws_s3_bucket_policy', 'policy', { Principal: '*' }),
      plantedPolicy('aws_kms_key', 'policy', { Principal: { AWS: '*' } }),
    ],
  },
];

/** Whether the block has a text that is a policy where `policies` names none. */
function isUnknownPolicy(type: string, args: unknown): boolean {
  return textsIn(args).some(
    ({ path, text }) => /"Statement"\s*:/.test(text) && !policies.some((row) => row.type === type && row.argument === path),
  );
}
