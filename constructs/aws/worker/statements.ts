import type { PolicyStatement } from '../../core/policy.ts';
import type { ResolvedWorker } from './resolve.ts';

type Policies = Readonly<Record<string, readonly PolicyStatement[]>>;

/** What the program may: read its binding and the topology, archive where it does that, and connect to each service that it uses, a policy for each. */
export function programPolicies({ documents, archive, connects }: ResolvedWorker): Policies {
  const services = connects.map(({ service, statements }) => [`connect-${service}`, statements] as const);
  return { documents, ...(archive.length === 0 ? {} : { archive }), ...Object.fromEntries(services) };
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
