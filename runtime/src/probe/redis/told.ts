import { MillraceError } from '../../contracts/errors.ts';
import type { Routed } from '../../transports/redis-streams/streams.ts';
import type { StreamFacts } from './stream.ts';

/** A stream with its declared groups alone. */
export function withDeclared(stream: StreamFacts, awaited: readonly string[]): StreamFacts {
  return { ...stream, groups: stream.groups.filter(({ name }) => awaited.includes(name)) };
}

/** Without the name of the stream: it may be that of a tenant. */
export function crowded(service: string, { name }: Routed, streams: readonly StreamFacts[]): Error[] {
  return streams.flatMap(({ crowd }) => {
    if (crowd === undefined) return [];
    const sentence = `a stream of topic ${name} on redis service ${service} has ${crowd} groups and none is looked at; destroy those that nobody uses`;
    return [new MillraceError('TOPOLOGY_NOT_APPLIED', sentence)];
  });
}
