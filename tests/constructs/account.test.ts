import { ImageRepository } from '../../constructs/aws/account/image-repository.ts';
import { LogDelivery } from '../../constructs/aws/account/log-delivery.ts';
import { ServiceLinkedRoles } from '../../constructs/aws/account/service-linked-roles.ts';
import { StateBucket } from '../../constructs/aws/account/state-bucket.ts';
import { defineLogGroup } from '../../constructs/aws/foundation/log-group.ts';
import { Template } from '../support/template.ts';

const encryptionKeyArn = 'arn:aws:kms:key';
const statements = (policy: unknown) => JSON.parse(policy as string).Statement as Record<string, unknown>[];

describe('the bucket of the state', () => {
  const template = Template.of((stack) => void new StateBucket(stack, 'State', { encryptionKeyArn }));

  test('is called as MILLRACE_STATE_BUCKET=millrace-state-{account}-{region} says, and cannot be destroyed', () => {
    expect(template.one('aws_s3_bucket')).toMatchObject({
      bucket: 'millrace-state-111111111111-eu-central-1',
      force_destroy: false,
      lifecycle: { prevent_destroy: true },
    });
  });

  test('keeps what was replaced for a year', () => {
    expect(template.one('aws_s3_bucket_versioning').versioning_configuration).toEqual({ status: 'Enabled' });
    expect(template.one('aws_s3_bucket_lifecycle_configuration').rule).toEqual([
      expect.objectContaining({ id: 'replaced-states', noncurrent_version_expiration: [{ noncurrent_days: 365 }] }),
    ]);
  });

  test('is private, encrypted with the given key, and reached over TLS alone', () => {
    expect(template.one('aws_s3_bucket_public_access_block')).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(template.one('aws_s3_bucket_server_side_encryption_configuration').rule).toEqual([
      expect.objectContaining({
        apply_server_side_encryption_by_default: { sse_algorithm: 'aws:kms', kms_master_key_id: encryptionKeyArn },
      }),
    ]);
    expect(statements(template.one('aws_s3_bucket_policy').policy)).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });
});

describe("the leave of AWS's services to write logs", () => {
  const template = Template.of((stack) => void new LogDelivery(stack, 'LogDelivery'));
  const policy = template.one('aws_cloudwatch_log_resource_policy');
  const all = statements(policy.policy_document);

  test('is one policy, no longer than CloudWatch allows', () => {
    expect(policy.policy_name).toBe('millrace');
    expect((policy.policy_document as string).length).toBeLessThan(5_120);
  });

  test.each([
    ['delivery.logs.amazonaws.com', '/aws/vendedlogs/millrace/', 'arn:aws:logs:eu-central-1:111111111111:*'],
    ['es.amazonaws.com', '/aws/vendedlogs/millrace/', 'arn:aws:es:eu-central-1:111111111111:domain/*'],
    ['mq.amazonaws.com', '/aws/amazonmq/', 'arn:aws:mq:eu-central-1:111111111111:broker:*'],
  ])('lets %s write below %s, for this account alone', (Service, groups, source) => {
    expect(all.filter(({ Principal }) => (Principal as { Service: string }).Service === Service)).toEqual([
      {
        Sid: expect.any(String),
        Effect: 'Allow',
        Principal: { Service },
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: `arn:aws:logs:eu-central-1:111111111111:log-group:${groups}*:log-stream:*`,
        Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' }, ArnLike: { 'aws:SourceArn': source } },
      },
    ]);
  });

  test('covers the groups that constructs define', () => {
    const group = Template.of((stack) => void defineLogGroup(stack, 'Logs', ['search', 'audit'], encryptionKeyArn)).one(
      'aws_cloudwatch_log_group',
    );
    const [, prefix] = /:log-group:([^*]+)\*/.exec(String(all[0]?.Resource)) ?? [];
    expect(prefix).toMatch(/^\/aws\//);
    expect((group.name as string).startsWith(prefix ?? '?')).toBe(true);
  });
});

describe('the images', () => {
  const template = Template.of(
    (stack) => void new ImageRepository(stack, 'Images', { name: 'millrace', encryptionKeyArn, keptImages: 50 }),
  );

  test('have tags that never move, are scanned at every push and encrypted, and cannot be destroyed', () => {
    expect(template.one('aws_ecr_repository')).toMatchObject({
      name: 'millrace',
      image_tag_mutability: 'IMMUTABLE',
      image_scanning_configuration: { scan_on_push: true },
      encryption_configuration: [{ encryption_type: 'KMS', kms_key: encryptionKeyArn }],
      force_delete: false,
      lifecycle: { prevent_destroy: true },
    });
  });

  test('go when they have no tag, or when there are newer ones in number', () => {
    const { rules } = JSON.parse(template.one('aws_ecr_lifecycle_policy').policy as string) as { rules: Record<string, unknown>[] };
    expect(rules.map(({ selection }) => selection)).toEqual([
      { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 50 },
    ]);
    // ECR asks for the rule about any tag to come last.
    expect(rules.map(({ rulePriority }) => rulePriority)).toEqual([1, 2]);
  });
});

describe('the roles of services', () => {
  const template = Template.of((stack) => void new ServiceLinkedRoles(stack, 'Roles'));
  const config = JSON.parse(template.text) as {
    resource: { aws_iam_service_linked_role: Record<string, { aws_service_name: string }> };
    data: { aws_iam_roles: Record<string, { path_prefix: string }> };
    import: { for_each: string; to: string; id: string }[];
  };
  const roles = Object.entries(config.resource.aws_iam_service_linked_role);

  test('are those that AWS does not make in time, and cannot be destroyed', () => {
    expect(roles.map(([, { aws_service_name }]) => aws_service_name).sort()).toEqual([
      'ecs.amazonaws.com',
      'opensearchservice.amazonaws.com',
    ]);
    for (const [, role] of roles)
      expect(role).toMatchObject({ lifecycle: { prevent_destroy: true, ignore_changes: ['description', 'tags', 'tags_all'] } });
  });

  test('are taken over where the account has them, each by what IAM knows of its service', () => {
    const found = Object.fromEntries(Object.entries(config.data.aws_iam_roles).map(([name, { path_prefix }]) => [path_prefix, name]));
    const wanted = roles.map(([name, { aws_service_name }]) => ({
      for_each: `\${data.aws_iam_roles.${found[`/aws-service-role/${aws_service_name}/`]}.arns}`,
      to: `aws_iam_service_linked_role.${name}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's own
      id: '${each.value}',
    }));
    expect(config.import).toEqual(expect.arrayContaining(wanted));
    expect(config.import).toHaveLength(wanted.length);
  });
});
