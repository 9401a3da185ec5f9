import type { Logger } from 'pino';
import { type LoadedBinding, loadBinding } from '../binding/index.ts';
import { canonicalJson } from '../contracts/canonical-json.ts';
import { type SignalName, signals } from '../contracts/signals.ts';
import type { Topology } from '../contracts/topology.ts';
import type { Look } from '../probe/look.ts';
import { openLooks } from '../probe/open.ts';
import { closeLooks } from '../probe/probe.ts';
import { readTopology } from '../topology/index.ts';
import type { ProbeRequest } from './probe-request.ts';

/** How the services of an environment are looked at, with connections that last from one invocation to the next. */
export interface KeptLooks {
  readonly environment: string;
  readonly looks: readonly Look[];
  /** Whether some were used before: the process may have stood still since, and connections may have died meanwhile. */
  readonly used: boolean;
  /** Has new ones for these services, without any connection yet. */
  renew(services: readonly string[]): Promise<readonly Look[]>;
}

interface Kept {
  readonly key: string;
  readonly binding: LoadedBinding;
  readonly topology: Topology;
  looks: readonly Look[];
}

/** What CloudWatch is told; the rest is not asked for. */
const told = { wanted: new Set((Object.keys(signals) as SignalName[]).filter((name) => signals[name].onAws)), undeclared: false } as const;

/** What the close of a connection may take; one that died while the process stood still does not answer. */
const closeMs = 500;

let kept: Kept | undefined;

/**
 * Those of the invocation before, as long as binding and request are the same; the binding is read anew every time, so that a deployment is noticed. While it
 * cannot be read, the last one counts.
 *
 * @throws whatever `loadBinding`, `readTopology` and `openLooks` throw
 */
export async function keptLooks(request: ProbeRequest, logger: Logger): Promise<KeptLooks> {
  const before = kept;
  const now = await current(request, logger);
  kept = now;
  if (before !== undefined && before !== now) await closed(before.looks, logger);
  return {
    environment: now.binding.document.environment,
    looks: now.looks,
    used: before === now,
    async renew(services) {
      const old = now.looks.filter(({ service }) => services.includes(service));
      const fresh = await openLooks(now.binding, now.topology, { only: services, ...told });
      now.looks = now.looks.map((look) => fresh.find(({ service }) => service === look.service) ?? look);
      await closed(old, logger);
      return fresh;
    },
  };
}

async function current(request: ProbeRequest, logger: Logger): Promise<Kept> {
  let binding: LoadedBinding;
  try {
    binding = await loadBinding(request.binding === undefined ? {} : { file: request.binding });
  } catch (error) {
    if (kept === undefined) throw error;
    logger.warn({ error: String(error) }, 'the binding cannot be read; the one before counts');
    return kept;
  }
  const key = canonicalJson({ ...request, generation: binding.document.generation });
  if (kept?.key === key) return kept;
  const topology = await readTopology(binding);
  return { key, binding, topology, looks: await openLooks(binding, topology, { only: request.only, ...told }) };
}

async function closed(looks: readonly Look[], logger: Logger): Promise<void> {
  await closeLooks(looks, closeMs).catch((error: unknown) => logger.warn({ error: String(error) }, 'a connection was not closed'));
}
