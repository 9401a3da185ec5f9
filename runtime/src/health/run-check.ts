import type { CheckOutcome, HealthCheck } from './check.ts';

/** A check's outcome with the circumstances. */
export interface CheckReport extends CheckOutcome {
  readonly name: string;
  readonly critical: boolean;
  readonly componentType: NonNullable<HealthCheck['componentType']>;
  readonly durationMs: number;
  readonly checkedAt: Date;
}

/**
 * Runs `check` with its deadline, one run at a time.
 *
 * A run that does not even end at its deadline is not joined by a second one: until it settles, the check is `down`. A server that hangs thus holds one
 * command or pooled connection, however often it is asked.
 */
export function checkRunner(check: HealthCheck): () => Promise<CheckReport> {
  const timeoutMs = check.timeoutMs ?? 1_000;
  let hanging = false;
  return async () => {
    const startedAt = performance.now();
    const checkedAt = new Date();
    const outcome = hanging
      ? down(`still no answer to the check before, which was given ${timeoutMs} ms`)
      : await within(check, timeoutMs, (settled) => {
          hanging = !settled;
        });
    return {
      ...outcome,
      name: check.name,
      critical: check.critical ?? true,
      componentType: check.componentType ?? 'component',
      durationMs: Math.round(performance.now() - startedAt),
      checkedAt,
    };
  };
}

async function within(check: HealthCheck, timeoutMs: number, onSettled: (settled: boolean) => void): Promise<CheckOutcome> {
  const deadline = new AbortController();
  const running = attempt(check, deadline.signal).finally(() => onSettled(true));
  onSettled(false);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckOutcome>((resolve) => {
    timer = setTimeout(() => {
      deadline.abort();
      resolve(down(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(check: HealthCheck, signal: AbortSignal): Promise<CheckOutcome> {
  try {
    return await check.check(signal);
  } catch (error) {
    return down(error instanceof Error ? error.message : String(error));
  }
}

function down(reason: string): CheckOutcome {
  return { status: 'down', reason };
}
