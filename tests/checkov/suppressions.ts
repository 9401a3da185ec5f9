import type { Verdict } from './checkov.ts';

/** What stacks are called after: an environment, or what the environments of an account share. */
const places = ['staging', 'production', 'bootstrap'] as const;
type Place = (typeof places)[number];

/** A finding that stays, and why. */
export interface Suppression {
  readonly rule: string;
  readonly type: string;
  /** Of the constructs that define it, from the part of the stack on. */
  readonly path: RegExp;
  /** Where it may be found. Staging alone where a setting of `environments/size.ts` is the cause, since production is held to the same rule. */
  readonly environments: readonly Place[];
  readonly reason: string;
}

const both = ['staging', 'production'] as const satisfies readonly Place[];
const everyBucket = { type: 'aws_s3_bucket', path: /./, environments: places } as const;

/** Every finding of checkov that is accepted. An entry that nothing needs any more fails the test. */
export const suppressions: readonly Suppression[] = [
  {
    rule: 'CKV2_AWS_5',
    type: 'aws_security_group',
    path: /^network\/Network\/Clients\//,
    environments: both,
    reason: 'carried by the processes that use the servers; those are other stacks and the plans of the services',
  },
  {
    ...everyBucket,
    rule: 'CKV_AWS_18',
    reason:
      'a bucket for access logs must be encrypted with a key of S3, so it would fail CKV_AWS_145 in place of this; who reads is in CloudTrail',
  },
  {
    ...everyBucket,
    rule: 'CKV2_AWS_62',
    reason:
      'nobody waits for an object: services learn of documents by the parameter that holds the binding, backups and states are read when needed',
  },
  {
    rule: 'CKV_AWS_144',
    type: 'aws_s3_bucket',
    path: /^topology\/Documents\//,
    environments: both,
    reason: 'the documents are made from the repository at every apply, in another region as well',
  },
  {
    rule: 'CKV_AWS_144',
    type: 'aws_s3_bucket',
    path: /^(messaging\/RedisBackups|search\/[^/]+\/Snapshots\/Bucket)\/Resource$/,
    environments: both,
    reason:
      'backups against mistakes and lost servers, in all zones of the region; if a region is lost, another fills caches, streams and indices from the database',
  },
  {
    rule: 'CKV_AWS_144',
    type: 'aws_s3_bucket',
    path: /\/State\/Resource$/,
    environments: ['bootstrap'],
    reason: 'states tell what stands in this region and are of no use without it; a year of versions is kept against mistakes',
  },
  {
    rule: 'CKV_AWS_144',
    type: 'aws_s3_bucket',
    path: /^topology\/Archive\//,
    environments: both,
    reason:
      'old events in all zones of the region, under versions; who must have them in a second region decides where, which is a matter of law and not of a default',
  },
  {
    rule: 'CKV_AWS_116',
    type: 'aws_lambda_function',
    path: /^topology\/Apply\//,
    environments: both,
    reason: 'Terraform waits for the answer and fails with it: no event is left over that a queue could keep',
  },
  {
    rule: 'CKV_AWS_272',
    type: 'aws_lambda_function',
    path: /^topology\/Apply\//,
    environments: both,
    reason:
      'the code comes from the repository with the plan that is reviewed, by the hash in it; a signature by whoever deploys would say nothing more',
  },
  {
    rule: 'CKV_AWS_116',
    type: 'aws_lambda_function',
    path: /^observability\/Probe\//,
    environments: both,
    reason: 'a look that failed is worth nothing later: the next one comes within a minute, and its absence is an alarm',
  },
  {
    rule: 'CKV_AWS_272',
    type: 'aws_lambda_function',
    path: /^observability\/Probe\//,
    environments: both,
    reason: 'as of the function that applies the topology: the code comes with the plan that is reviewed, by the hash in it',
  },
  {
    rule: 'CKV_AWS_338',
    type: 'aws_cloudwatch_log_group',
    path: /^observability\/Probe\/Logs$/,
    environments: both,
    reason: 'what the probe prints becomes metrics at once, which CloudWatch keeps for 15 months; nobody reads the lines again',
  },
  {
    rule: 'CKV2_AWS_57',
    type: 'aws_secretsmanager_secret',
    path: /^messaging\/[^/]+\/(Secrets\/(app|sentinel|replication|apply|user-[a-z0-9-]+)|Admin\/Secret)\/Resource$/,
    environments: both,
    reason:
      'a rotation sets the password in RabbitMQ or on every Redis and Sentinel as well: a function with a way to their administration, a greater risk than 40 random characters that only machines read',
  },
  {
    rule: 'CKV2_AWS_57',
    type: 'aws_secretsmanager_secret',
    path: /^messaging\/[^/]+\/Secrets\/authority(-key)?$/,
    environments: both,
    reason:
      'an authority is what clients trust, not what they prove themselves with; the certificates that it signs are good for 90 days and renewed on the machines',
  },
  {
    rule: 'CKV_AWS_61',
    type: 'aws_iam_role',
    path: /^search\/[^/]+\/MasterRole\/Resource$/,
    environments: both,
    reason:
      'the account as principal leaves it to IAM: only who has a policy that names this role may assume it; `masterRolePrincipals` names roles, where one knows them',
  },
  ...['CKV_AWS_318', 'CKV2_AWS_59'].map((rule) => ({
    rule,
    type: 'aws_opensearch_domain',
    path: /^search\/[^/]+\/Resource$/,
    environments: ['staging'] as const,
    reason: 'the size small has no dedicated masters: its three data nodes elect one of themselves',
  })),
  {
    rule: 'CKV2_AWS_34',
    type: 'aws_ssm_parameter',
    path: /^topology\/Binding$/,
    environments: both,
    reason: 'a binding holds no secret, and a plan that shows its changes is reviewed; encrypted it would only be hidden',
  },
];

/** Whether `suppression` is meant for `verdict`. */
export function suppresses({ rule, type, path, environments }: Suppression, verdict: Verdict): boolean {
  return (
    verdict.rule === rule && verdict.type === type && environments.some((place) => place === verdict.environment) && path.test(verdict.path)
  );
}

/** A kind of resource on which the rules that checkov has for it come to no verdict, and what looks at it in their place. */
interface Unjudged {
  readonly type: string;
  readonly environments: readonly Place[];
  readonly reason: string;
}

/** Every such kind. An entry that nothing needs any more fails the test. */
export const unjudged: readonly Unjudged[] = [
  {
    type: 'aws_mq_configuration',
    environments: both,
    reason:
      'its one rule, CKV_AWS_208, passes over versions of two parts, and RabbitMQ of Amazon MQ has no others since 3.13; `tests/stacks/rules` ask for a version that is supported',
  },
  {
    type: 'aws_sns_topic_policy',
    environments: both,
    reason:
      'its one rule, CKV_AWS_169, reads no policy that is a text, as it is in JSON; `tests/stacks/rules` ask that it trusts nobody without a condition',
  },
];
