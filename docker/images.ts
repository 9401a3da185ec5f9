import type { Distribution } from '../servers/find/distribution.ts';
import { kafkaDistribution } from '../servers/kafka/program.ts';
import { openSearchDistribution } from '../servers/opensearch/program.ts';

/** One image that is built here, from the Dockerfile in the folder of its name. */
export interface Image {
  /** Of the server, as far as its image tells it; of what is our own, ours. */
  readonly version: string;
  /** Arguments of the build that name what it stands on. */
  readonly on: Readonly<Record<string, Ground | Distribution>>;
  /** What is sent to the engine, below the root of the repository. @default its folder */
  readonly context?: string;
  /** Further environment variables of docker. */
  readonly env?: Readonly<Record<string, string>>;
}

/** An image of this table, or one that comes from elsewhere: Debian, and the files of this machine's Node. */
export type Ground = 'base' | 'java' | 'node' | 'debian' | 'node-files';

const own = '0.1.0';
const onBase = { MILLRACE_BASE: 'base' } as const;

/** The images that containers of an environment run, and what these stand on. */
export const images = {
  base: { version: own, on: { BASE_IMAGE: 'debian' } },
  java: { version: own, on: onBase },
  node: { version: own, on: { BASE_IMAGE: 'debian', DISTRIBUTION: 'node-files' } },
  redis: { version: '7.0', on: onBase },
  postgres: { version: '15', on: onBase },
  prometheus: { version: '2.42', on: onBase },
  alertmanager: { version: '0.25', on: onBase },
  rabbitmq: { version: '3.10', on: onBase },
  kafka: { version: kafkaDistribution.version, on: { MILLRACE_JAVA: 'java', DISTRIBUTION: kafkaDistribution } },
  opensearch: { version: openSearchDistribution.version, on: { MILLRACE_JAVA: 'java', DISTRIBUTION: openSearchDistribution } },
  // Its Dockerfile needs BuildKit, which older ones ask to be switched on.
  worker: { version: own, on: { NODE_IMAGE: 'node' }, context: '.', env: { DOCKER_BUILDKIT: '1' } },
} as const satisfies Readonly<Record<string, Image>>;

export type ImageName = keyof typeof images;

/** What `make images` builds, in this order; the rest is built where one of these stands on it. */
export const serverImages = [
  ...['redis', 'postgres', 'prometheus', 'alertmanager', 'rabbitmq', 'kafka', 'opensearch'],
  'worker',
] as readonly ImageName[];

/** Name and tag of an image. */
export function tagOf(name: ImageName): string {
  return `millrace/${name}:${images[name].version}`;
}

/** The same of a distribution, which is an image of files alone: other files have another tag. */
export function distributionTag({ folder }: Distribution): string {
  return `millrace/distribution:${folder}`;
}
