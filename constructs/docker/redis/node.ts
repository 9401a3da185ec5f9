import type { Environment } from '../../../environments/schema.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { type AclUser, renderAclFile } from '../../../servers/redis/acl.ts';
import { type RedisSettings, renderRedisConf } from '../../../servers/redis/config.ts';
import type { Construct, ITerraformDependable } from '../../core/framework.ts';
import { askingRedis } from '../foundation/asking.ts';
import { certificateOf, certificateTexts, ServerContainer } from '../foundation/container.ts';
import type { DockerGround } from '../foundation/ground.ts';
import { certificatePaths, paths } from '../foundation/paths.ts';

export interface NodeProps {
  readonly ground: DockerGround;
  readonly name: string;
  /** Name of the password's secret. */
  readonly password: string;
  readonly node: Pick<RedisSettings, 'maxMemoryMiB' | 'maxMemoryPolicy' | 'replicaOf' | 'minReplicasToWrite'> & {
    readonly users: readonly AclUser[];
  };
  /** As the set knows it, where the node is of one. */
  readonly address?: string;
  /** What tells it who is the master. @default redis.conf */
  readonly environment?: Readonly<Record<string, string>>;
  readonly kind?: Extract<Environment['services'][string]['kind'], 'redis' | 'redis-sentinel'>;
  /** Further secrets by their files. @default none */
  readonly further?: Readonly<Record<string, string>>;
  readonly after?: readonly ITerraformDependable[];
}

export const redisPort = 6_379;

/** A save copies pages that are written meanwhile: at worst all of them. */
const roomMiB = 64;

/** One Redis server, alone or of a set. */
export function nodeContainer(scope: Construct, id: string, props: NodeProps): ServerContainer<'clients'> {
  const { ground, name, password, node, address, environment, kind = 'redis', further = {}, after } = props;
  const { users, ...settings } = node;
  const asking = askingRedis(redisPort, ['PING'], /^PONG/, { tls: ground.tls, password });
  const conf = renderRedisConf({
    ...settings,
    ...{ bind: ['0.0.0.0'], dir: paths.data, password: given.password(password), aclFile: `${paths.configuration}/users.acl` },
    ...listenOn(ground, redisPort),
    announce: address === undefined ? undefined : { host: address, port: redisPort },
  });
  return new ServerContainer(scope, id, ground, {
    ...{ name, image: kind, command: ['run-redis'] },
    ...(environment && { environment }),
    files: {
      'redis.conf': conf,
      ...Object.fromEntries(Object.entries(further).map(([file, secret]) => [file, given.password(secret)])),
      ...asking.files,
      ...certificateTexts(certificateOf(ground, name, address)),
    },
    live: { 'users.acl': renderAclFile(users, given.sha256(password)) },
    health: asking.command,
    memoryMiB: 2 * settings.maxMemoryMiB + roomMiB,
    ports: { clients: { inside: redisPort, outside: ground.ports.next(kind) } },
    ...(address && { address }),
    ...(after && { after }),
  });
}

/** What a Redis program listens on: with TLS on the port, nothing else. */
export function listenOn({ tls }: Pick<DockerGround, 'tls'>, port: number) {
  return tls ? { port: 0, tls: { port, ...certificatePaths } } : { port };
}
