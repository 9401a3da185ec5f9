import { createHash } from 'node:crypto';
import { given } from '../../../servers/containers/placeholders.ts';
import { renderSentinelConf } from '../../../servers/redis-sentinel/config.ts';
import { majority } from '../../../servers/redis-sentinel/members.ts';
import type { Construct, ITerraformDependable } from '../../core/framework.ts';
import { askingRedis } from '../foundation/asking.ts';
import { certificateOf, certificateTexts, ServerContainer } from '../foundation/container.ts';
import { paths } from '../foundation/paths.ts';
import type { DockerServiceProps } from '../foundation/server.ts';
import { listenOn } from '../redis/node.ts';

/** A process of the set, where the others reach it. */
interface Member {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface SetOf {
  readonly nodes: readonly Member[];
  readonly sentinels: readonly Member[];
}

export interface SentinelProps extends DockerServiceProps<'redis-sentinel'> {
  readonly set: SetOf;
  /** Which of the sentinels it is. */
  readonly member: Member;
  readonly after: readonly ITerraformDependable[];
}

export const sentinelPort = 26_379;
const memoryMiB = 64;

/** One sentinel. It writes what it learns into a file of its own in the volume. */
export function sentinelContainer(scope: Construct, id: string, props: SentinelProps): ServerContainer<'clients'> {
  const { ground, service, settings, set, member, after } = props;
  const password = `${service}-sentinel`;
  const [master, ...replicas] = set.nodes;
  const idOf = ({ name }: Member) => createHash('sha256').update(`${ground.environment}:${name}`).digest('hex').slice(0, 40);
  const asking = askingRedis(sentinelPort, ['SENTINEL', 'CKQUORUM', service], /^OK/, { tls: ground.tls, password });
  const conf = renderSentinelConf({
    ...{ bind: ['0.0.0.0'], dir: paths.data, password: given.password(password), ...listenOn(ground, sentinelPort) },
    master: { name: service, host: master!.host, port: master!.port, password: given.password(service) },
    ...{ quorum: majority(set.sentinels.length), downAfterMs: settings.downAfterMs, failoverTimeoutMs: settings.failoverTimeoutMs },
    id: idOf(member),
    known: {
      replicas: replicas.map(({ host, port }) => ({ host, port })),
      sentinels: set.sentinels
        .filter((other) => other !== member)
        .map((other) => ({ host: other.host, port: other.port, id: idOf(other) })),
    },
    announce: { host: member.host, port: sentinelPort },
  });
  return new ServerContainer(scope, id, ground, {
    ...{ name: member.name, image: 'redis-sentinel', command: ['run-sentinel'], address: member.host, memoryMiB, after },
    files: { 'sentinel.conf': conf, ...asking.files, ...certificateTexts(certificateOf(ground, member.name, member.host)) },
    health: asking.command,
    ports: { clients: { inside: sentinelPort, outside: ground.ports.next('redis-sentinel') } },
  });
}
