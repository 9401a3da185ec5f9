import type { Hosting, Place, PlannedServer } from '../hosting.ts';
import { bindRedis } from './bound.ts';
import { redisProcess } from './process.ts';
import { redisProgram } from './program.ts';
import { serviceUsers } from './users.ts';

/** A primary and, where the declaration asks for them, replicas to read from. */
export const redisHosting: Hosting<'redis'> = {
  kind: 'redis',
  software: [redisProgram],
  plan(request) {
    const { name, role, settings, host, pathOf, place, secret, tls } = request;
    const program = pathOf(redisProgram);
    const { memoryMiB, maxMemoryPolicy } = settings;
    const password = secret(name);
    const users = serviceUsers(request);
    const primary = place(name);
    const replicas = Array.from({ length: settings.replicas }, (_, index) => place(`${name}-replica-${index + 1}`));
    const planned = (at: Place, wave: number): PlannedServer => ({
      place: at,
      wave,
      server: redisProcess({
        ...at,
        program,
        tls: tls?.serverTls(at.name),
        users: users.acl,
        settings: () => ({
          ...{ host, port: at.port, password: password.value, maxMemoryMiB: memoryMiB, maxMemoryPolicy },
          replicaOf: wave === 0 ? undefined : { host, port: primary.port },
        }),
      }),
    });
    return {
      servers: [planned(primary, 0), ...replicas.map((replica) => planned(replica, 1))],
      binding: bindRedis({
        ...{ role, tls: tls?.binding, passwordFile: password.ref, ...users.binding, maxMemoryMiB: memoryMiB },
        primary: { host, port: primary.port },
        readers: replicas.map(({ port }) => ({ host, port })),
      }),
    };
  },
};
