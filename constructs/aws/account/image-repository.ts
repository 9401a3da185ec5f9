import { EcrLifecyclePolicy } from '@cdktf/provider-aws/lib/ecr-lifecycle-policy';
import { EcrRepository } from '@cdktf/provider-aws/lib/ecr-repository';
import { Construct } from '../../core/framework.ts';
import { identityOf } from '../../core/identity.ts';
import { protectedLifecycle } from '../../core/protection.ts';

export interface ImageRepositoryProps {
  readonly name: string;
  readonly encryptionKeyArn: string;
  /** Tagged images that are kept, the newest; what runs must be among them, or a task that starts again finds no image. @default 200 */
  readonly keptImages?: number;
}

/** How long an image without a tag is kept: a push that was never finished, or whose tag was deleted. */
const untaggedDays = 14;

/** A private repository of images: a tag means one image for ever, every push is scanned, what lies in it is encrypted with the given key. */
export class ImageRepository extends Construct {
  readonly repositoryUrl: string;

  constructor(scope: Construct, id: string, { name, encryptionKeyArn, keptImages = 200 }: ImageRepositoryProps) {
    super(scope, id);
    const repository = new EcrRepository(this, 'Resource', {
      name,
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: [{ encryptionType: 'KMS', kmsKey: encryptionKeyArn }],
      forceDelete: false,
      ...protectedLifecycle(identityOf(this)),
    });
    new EcrLifecyclePolicy(this, 'Lifecycle', { repository: repository.name, policy: lifecyclePolicy(keptImages) });
    this.repositoryUrl = repository.repositoryUrl;
  }
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html */
function lifecyclePolicy(keptImages: number): string {
  const expire = { type: 'expire' };
  return JSON.stringify({
    rules: [
      {
        rulePriority: 1,
        description: `images without a tag go after ${untaggedDays} days`,
        selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: untaggedDays },
        action: expire,
      },
      {
        rulePriority: 2,
        description: `the newest ${keptImages} images are kept`,
        selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: keptImages },
        action: expire,
      },
    ],
  });
}
