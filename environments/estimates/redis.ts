import { carriedBy, type Topic } from '../../runtime/src/contracts/topology.ts';
import type { ServiceDeclaration } from '../declaration.ts';
import { isRedis, type ResolvedSettings, resolveSettings } from '../size.ts';
import { bytesPerGiB, bytesPerMiB, type Contribution, type Estimate, type Estimated, estimateOf } from './estimate.ts';

/**
 * Memory of a stream entry over the bytes of its event. On Redis 7.0.15 with jemalloc, eleven attributes of 228 bytes and data of one length, `used_memory`
 * grew by 1.25 of 300 bytes, 1.18 of 500, 1.20 of 1,000, 1.29 of 2,000, 1.20 of 3,000, 1.23 of 5,000 and 1.03 of 10,000: names of fields are stored once a
 * node, a node is of 4 KB, and its memory comes in steps of a fifth. `tests/environments/redis-memory.test.ts` measures it again.
 */
export const memoryPerByte = 1.3;

/** Above 80 % the alert on memory fires. */
const usableShare = 0.8;
/** The server by itself, and the backlog from which a replica catches up (16 MiB). */
const ownBytes = 20 * bytesPerMiB;

/** What streams keep in the memory of every Redis: their window, or their retention where they have none. */
export function redisEstimates(environment: Estimated): Estimate[] {
  return Object.entries(environment.services).flatMap(([service, declaration]) => {
    const topics = carriedBy(environment.topology, 'redis-streams', service);
    if (!isRedis(declaration) || topics.length === 0) return [];
    const contributions = topics.flatMap(([name, topic]) => contributionOf(name, topic));
    const memory = memoryOf(declaration, environment);
    const allowedBytes = Math.max(0, memory.bytes * usableShare - ownBytes);
    const allowance = `80 % of ${memory.words} less 20 MiB for the server itself`;
    const place = { service, place: 'in memory', allowedBytes, allowance };
    return [estimateOf(place, contributions, (needed) => memory.raise((needed + ownBytes) / usableShare))];
  });
}

function contributionOf(name: string, { volume, windowHours, retentionHours }: Topic): Contribution[] {
  if (volume === undefined) return [];
  const length = windowHours ?? retentionHours;
  const bytesPerUnit = (volume.eventsPerDay * volume.averageBytes * memoryPerByte) / 24;
  const path = `topology.topics.${name}.windowHours`;
  return [{ name, bytes: bytesPerUnit * length, period: { path, length, least: 1, bytesPerUnit } }];
}

interface Memory {
  readonly bytes: number;
  readonly words: string;
  /** The clause that asks for as many bytes. */
  raise(bytes: number): string;
}

function memoryOf(service: ServiceDeclaration, environment: Estimated): Memory {
  if (service.kind === 'redis' && service.overrides?.serverless !== undefined) {
    const { maxStorageGiB } = service.overrides.serverless;
    const raise = (bytes: number) => `overrides.serverless.maxStorageGiB to at least ${Math.ceil(bytes / bytesPerGiB)}`;
    return { bytes: maxStorageGiB * bytesPerGiB, words: `its ${maxStorageGiB.toLocaleString('en')} GiB`, raise };
  }
  const settings = resolveSettings(service, environment) as ResolvedSettings<'redis' | 'redis-sentinel'>;
  const shards = 'shards' in settings ? settings.shards : 1;
  const machine = 'shards' in settings ? 'a nodeType' : 'an instanceType';
  const withMachine = environment.engine.kind === 'aws' ? `, with ${machine} that has as much` : '';
  return {
    bytes: settings.memoryMiB * shards * bytesPerMiB,
    words: `its ${settings.memoryMiB.toLocaleString('en')} MiB${shards === 1 ? '' : ` in each of ${shards} shards`}`,
    raise: (bytes) => `overrides.memoryMiB to at least ${Math.ceil(bytes / bytesPerMiB / shards)}${withMachine}`,
  };
}
