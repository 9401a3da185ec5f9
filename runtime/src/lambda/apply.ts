import type { Logger } from 'pino';
import { MillraceError } from '../contracts/errors.ts';
import { type ApplyOutcome, type ApplyProgress, applyTopology } from '../topology/apply.ts';
import { readTopology } from '../topology/index.ts';
import { type ApplyAnswer, answerOf, failureOf } from './answer.ts';
import { bindingFor } from './binding.ts';
import type { InvocationContext } from './invocation.ts';
import { functionOutput } from './output.ts';
import { parseRequest } from './request.ts';

/** Left of the time that AWS gives, so that the failure is told in a sentence and not by AWS's "timed out". */
const reserveMs = 10_000;

/**
 * `millrace apply` as an AWS Lambda function: reads the binding, its topology and the secrets from AWS, and makes the servers as they are declared.
 *
 * Throws when a service failed, could not be reached or has a declared change that was refused, so that the deployment that asked for it fails with that
 * sentence; the other services are done all the same. Details of every change go to standard output as JSON lines.
 *
 * @throws {MillraceError} TOPOLOGY_NOT_APPLIED naming the services and what is missing; BINDING_INVALID when binding or topology are not what the event means;
 * whatever reading from AWS throws.
 */
export async function handler(event: unknown, context: InvocationContext): Promise<ApplyAnswer> {
  const { logger } = functionOutput();
  try {
    const outcome = await run(event, context, logger);
    const answer = answerOf(outcome);
    const failure = failureOf(outcome);
    if (failure !== undefined) throw failure;
    logger.info(answer, 'done');
    return answer;
  } catch (error) {
    logger.error({ err: error }, 'not done');
    throw error;
  }
}

async function run(event: unknown, context: InvocationContext, logger: Logger): Promise<ApplyOutcome> {
  const availableMs = context.getRemainingTimeInMillis() - reserveMs;
  if (availableMs <= 0)
    throw new MillraceError('TOPOLOGY_NOT_APPLIED', `the function must have more than ${reserveMs} ms, give it a longer timeout`);
  const signal = AbortSignal.timeout(availableMs);
  const endsAt = Date.now() + availableMs;
  const request = parseRequest(event);
  const binding = await bindingFor(request, signal);
  const { environment, generation } = binding.document;
  logger.info({ environment, generation, ...request }, request.check ? 'compares' : 'applies');
  const outcome = await applyTopology({
    ...{ binding, topology: await readTopology(binding), signal },
    ...{ only: request.only, allow: request.allow, check: request.check },
    onProgress: (progress) => tell(logger, progress),
    // Once to read and once to change: two limits of a service, and the last of both is over before the function is.
    timeoutMs: (endsAt - Date.now()) / 2,
  });
  const { idle } = outcome;
  if (idle.length > 0) logger.warn({ idle }, 'protection.allowDestroy names what nothing waits for; take it out of the environment');
  return outcome;
}

function tell(logger: Logger, progress: ApplyProgress): void {
  if (progress.event === 'change') {
    const { service, change } = progress;
    const { name, action, state, ...details } = change;
    const level = state === 'failed' ? 'error' : state === 'refused' && change.undeclared !== true ? 'warn' : 'info';
    logger[level]({ service, name, action, state, ...details }, 'change');
    return;
  }
  const { changes: _told, ...outcome } = progress.outcome;
  logger.info(outcome, 'service');
}
