import type { PolicyStatement } from '../../core/policy.ts';
import type { WorkerProps } from './props.ts';
import type { ResolvedWorker } from './resolve.ts';

type Policies = Readonly<Record<string, readonly PolicyStatement[]>>;

/**
 * What the program may: `ssm:GetParameter` on its binding, `s3:GetObject` on topology documents, `kms:Decrypt` with the key of the environment, and a policy
 * for each service that it uses.
 *
 * Documents by prefix, not by name: a name is a hash, and a worker that starts again must read the next one.
 */
export function programPolicies(worker: ResolvedWorker, { encryptionKeyArn }: WorkerProps): Policies {
  const documents: PolicyStatement[] = [
    { Sid: 'ReadBinding', Effect: 'Allow', Action: 'ssm:GetParameter', Resource: worker.bindingParameterArn },
    { Sid: 'ReadTopology', Effect: 'Allow', Action: 's3:GetObject', Resource: worker.topologyArn },
    { Sid: 'DecryptTopology', Effect: 'Allow', Action: 'kms:Decrypt', Resource: encryptionKeyArn },
  ];
  const services = worker.connects.map(({ service, statements }) => [`connect-${service}`, statements] as const);
  return { documents, ...Object.fromEntries(services) };
}

/** What ECS may before the program runs: pull from the one repository, write to the log groups of the worker. The token for ECR is of no repository. */
export function startPolicies({ repository, repositoryArn, logStreamsArn }: ResolvedWorker): Policies {
  const pull = ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'];
  return {
    start: [
      { Sid: 'SignInToRegistry', Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
      ...(repository === undefined ? [] : [{ Sid: 'PullImage', Effect: 'Allow', Action: pull, Resource: repositoryArn } as const]),
      { Sid: 'WriteLog', Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: logStreamsArn },
    ],
  };
}
