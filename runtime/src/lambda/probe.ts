import { MillraceError } from '../contracts/errors.ts';
import { emfLines } from '../probe/emf.ts';
import type { Look } from '../probe/look.ts';
import { type LookOutcome, sampleOnce } from '../probe/probe.ts';
import type { InvocationContext } from './invocation.ts';
import { type KeptLooks, keptLooks } from './kept-looks.ts';
import { functionOutput } from './output.ts';
import { parseProbeRequest } from './probe-request.ts';

/** What became of a look at one service. */
interface ServiceAnswer {
  readonly service: string;
  readonly up: boolean;
  readonly durationMs: number;
  /** Why there is nothing of it. */
  readonly error?: string;
}

/** What the function answers. */
export interface ProbeAnswer {
  readonly environment: string;
  readonly services: readonly ServiceAnswer[];
  /** Number of samples before they are folded. */
  readonly samples: number;
}

/** Left of the time that AWS gives, so that what was found is written. */
const reserveMs = 3_000;
/** What a look is given at most, and one over a connection that may have died while the process stood still. */
const limitMs = 10_000;
const keptLimitMs = 4_000;

/**
 * One round of `millrace probe` as an AWS Lambda function: looks at every service of the binding that has signals for CloudWatch, and writes them to standard
 * output in the embedded metric format, a line for each set of dimensions. CloudWatch makes metrics of that, for which the function needs no right.
 *
 * Connections are kept for the next invocation. Lambda lets the process stand still in between, and a connection may die of it: a look over a kept one that
 * fails is made once more over a new one.
 *
 * @throws {MillraceError} CONNECTION_FAILED when not one service could be looked at; BINDING_INVALID when binding, topology or event are not what they must be;
 * whatever reading from AWS throws.
 */
export async function handler(event: unknown, context: InvocationContext): Promise<ProbeAnswer> {
  const { logger, line } = functionOutput();
  try {
    const endsAt = Date.now() + context.getRemainingTimeInMillis() - reserveMs;
    const kept = await keptLooks(parseProbeRequest(event), logger);
    const outcomes = await look(kept, endsAt);
    const samples = outcomes.flatMap((outcome) => outcome.samples);
    for (const text of emfLines(samples, { environment: kept.environment })) line(text);
    const answer = { environment: kept.environment, services: outcomes.map(answerOn), samples: samples.length };
    const bad = answer.services.filter(({ up }) => !up);
    if (bad.length > 0) logger.warn({ services: bad }, 'not every service could be looked at');
    if (bad.length > 0 && bad.length === outcomes.length) throw nothingSeen(answer);
    return answer;
  } catch (error) {
    logger.error({ err: error }, 'not done');
    throw error;
  }
}

async function look({ looks, used, renew }: KeptLooks, endsAt: number): Promise<LookOutcome[]> {
  const first = await within(looks, endsAt, used ? keptLimitMs : limitMs);
  const failed = first.filter(({ error }) => error !== undefined).map(({ service }) => service);
  if (!used || failed.length === 0) return first;
  const again = await within(await renew(failed), endsAt, limitMs);
  return first.map((outcome) => again.find(({ service }) => service === outcome.service) ?? outcome);
}

function within(looks: readonly Look[], endsAt: number, mostMs: number): Promise<LookOutcome[]> {
  return sampleOnce(looks, Math.max(0, Math.min(mostMs, endsAt - Date.now())));
}

function answerOn({ service, samples, error }: LookOutcome): ServiceAnswer {
  const seconds = samples.find(({ signal }) => signal === 'probe.duration')?.value ?? 0;
  return { service, up: error === undefined, durationMs: Math.round(seconds * 1_000), ...(error && { error: error.message }) };
}

function nothingSeen({ environment, services }: ProbeAnswer): MillraceError {
  const reasons = services.map(({ service, error }) => `${service}: ${error}`).join('; ');
  return new MillraceError('CONNECTION_FAILED', `no service of ${environment} could be looked at: ${reasons}`);
}
