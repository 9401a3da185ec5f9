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
