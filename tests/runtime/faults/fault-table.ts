import { setTimeout as delay } from 'node:timers/promises';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { eventually } from '../../support/eventually.ts';

/** Something that happens to a server, or to the way there. */
export interface Fault {
  readonly name: string;
  cause(): Promise<unknown>;
  /** Returns when the server would serve a new client again. */
  mend(): Promise<unknown>;
  /** What is told meanwhile, besides the error of each command. */
  readonly tells?: MillraceError['code'];
}

/** A connection that is to outlive faults. */
export interface Sufferer {
  readonly system: string;
  /** One command; rejects with a `MillraceError`. */
  probe(): Promise<unknown>;
  /** What `onError` was told. */
  readonly told: readonly Error[];
}

/** How long the processor is watched while the server is away. */
const sampleMs = 1_000;

/**
 * Lets the fault happen, and waits until a command fails, in a way that asks to be retried; samples the processor; mends it, and prints and returns the time
 * until a command succeeds again. Two commands a second are tried meanwhile, as a health check would.
 */
export async function suffer({ system, probe, told }: Sufferer, { name, cause, mend, tells }: Fault): Promise<{ ms: number; cpu: number }> {
  const toldBefore = told.length;
  const isTold = (): boolean => tells === undefined || told.slice(toldBefore).some((error) => isMillraceError(error, tells));
  /** Whether a command was served; it fails as it should otherwise. */
  const served = (): Promise<boolean> =>
    probe().then(
      () => true,
      (error: unknown) => {
        if (isMillraceError(error) && (error.retriable || error.code === tells)) return false;
        throw error;
      },
    );
  const until = async (wanted: () => Promise<boolean>, what: string): Promise<void> => {
    const outcome = await eventually(() => wanted().catch((error: unknown) => ({ error })), {
      timeoutMs: 30_000,
      what: `${what}: ${name}`,
    });
    if (outcome !== true) throw outcome.error;
  };
  await cause();
  await until(async () => !(await served()) && isTold(), `a command fails${tells === undefined ? '' : ` and ${tells} is told`}`);
  const cpu = await cpuShare(probe);
  await mend();
  const mendedAt = performance.now();
  await until(served, 'a command succeeds again');
  const ms = Math.round(performance.now() - mendedAt);
  process.stdout.write(`${system}: ${name}: recovered in ${ms} ms (${(100 * cpu).toFixed(0)} % of a core while it lasted)\n`);
  return { ms, cpu };
}

async function cpuShare(probe: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const tried = [probe(), delay(sampleMs / 2).then(probe)].map((attempt) => attempt.catch(() => undefined));
  await delay(sampleMs);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1_000 / (performance.now() - startedAt);
  await Promise.all(tried);
  return share;
}
