import { type ErrorCode, isMillraceError } from '../contracts/errors.ts';
import type { FaultCode } from '../contracts/fault-guide.ts';
import type { Fault } from '../health/check.ts';
import type { Problem } from './report.ts';
import { wayOutOf } from './way-out.ts';

/** Codes that tell of this process and not of the service. */
const ofThisProcess: ReadonlySet<string> = new Set<ErrorCode>(['CLIENT_NOT_INSTALLED', 'AWS_CREDENTIALS_UNAVAILABLE']);

export function problemOf(service: string, severity: Problem['severity'], code: FaultCode | ErrorCode, sentence: string): Problem {
  return { code, severity, sentence, ...wayOutOf(code, service) };
}

/** A fault that a health check found. */
export function faultProblem(service: string, { status, code, reason }: Fault): Problem {
  return problemOf(service, status, code, reason);
}

/** What an error tells of the service; one that nobody foresaw tells nothing of it. */
export function errorProblem(service: string, error: unknown, severity: Problem['severity'] = 'down'): Problem {
  const sentence = error instanceof Error ? error.message : String(error);
  if (!isMillraceError(error)) return { code: 'UNEXPECTED', severity: 'unseen', sentence, ...wayOutOf('UNEXPECTED', service) };
  const { code } = error;
  return { code, severity: ofThisProcess.has(code) ? 'unseen' : severity, sentence, ...wayOutOf(code, service, error) };
}
