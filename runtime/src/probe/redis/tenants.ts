import type { RedisClient } from '../../connections/redis/index.ts';
import { streamKey, tenantsKey } from '../../contracts/topology.ts';
import type { StreamFacts } from './stream.ts';
import { unlessGone } from './stream-info.ts';

/** Streams of tenants that are looked at in one round, over all topics of a service. */
export const streamsPerRound = 500;
/** Streams of a topic that are remembered, about 60 MB of them; those beyond are not looked at. */
const mostStreams = 100_000;

/** A way through the streams of all tenants of a topic, a part of it each round. */
export interface TenantWalk {
  readonly topic: string;
  /** Looks at about `budget` more streams. @returns how many it looked at, and whether it came to the end. */
  go(client: RedisClient, budget: number, look: Look): Promise<{ looked: number; ended: boolean }>;
  /** What is known of each stream: of this way, else of the one before. */
  facts(): readonly StreamFacts[];
  /** Whether every stream was looked at once: sums say too little before. */
  readonly complete: boolean;
}

/** What is registered where the register is something else: whoever may write the key can make it that, and the janitor tells of it. */
const nobody: [cursor: string, tenants: string[]] = ['0', []];

/** What the streams of these keys are like, in their order. */
export type Look = (keys: readonly string[]) => Promise<readonly StreamFacts[]>;

/**
 * Walks with SSCAN, whose cursor needs nothing kept on the server: who was registered all the while is met, some perhaps twice. A fail-over may make it
 * miss some, until the next way.
 */
export function walkTenants(topic: string): TenantWalk {
  let cursor = '0';
  let complete = false;
  let before = new Map<string, StreamFacts>();
  let met = new Map<string, StreamFacts>();
  const turnBack = (): void => {
    // Who was not met any more is registered no longer.
    before = met;
    met = new Map();
    cursor = '0';
    complete = true;
  };
  return {
    topic,
    async go(client, budget, look) {
      let looked = 0;
      while (looked < budget) {
        const count = Math.min(budget - looked, streamsPerRound);
        const [next, tenants] = (await unlessGone(client.sscan(tenantsKey(topic), cursor, 'COUNT', count))) ?? nobody;
        const facts = await look(tenants.map((tenant) => streamKey(topic, 0, tenant)));
        for (const [index, tenant] of tenants.entries()) {
          met.set(tenant, facts[index]!);
          before.delete(tenant);
        }
        looked += tenants.length;
        cursor = next;
        if (cursor === '0' || met.size >= mostStreams) {
          turnBack();
          return { looked, ended: true };
        }
      }
      return { looked, ended: false };
    },
    facts: () => [...met.values(), ...before.values()],
    get complete() {
      return complete;
    },
  };
}
