import * as z from 'zod/mini';
import { MillraceError } from '../contracts/errors.ts';
import { formatProblem, problemsOf } from '../contracts/problems.ts';

const requestSchema = z.strictObject({
  /** Parameter with the binding, `ssm:NAME`, or a file. @default what the variable MILLRACE_BINDING says */
  binding: z.optional(z.string().check(z.minLength(1))),
  /** Services to look at. @default all that have signals for CloudWatch */
  only: z.optional(z.array(z.string()).check(z.minLength(1))),
});

/** What the function is asked for. */
export type ProbeRequest = z.infer<typeof requestSchema>;

/** @throws {MillraceError} BINDING_INVALID with all problems. */
export function parseProbeRequest(event: unknown): ProbeRequest {
  const parsed = requestSchema.safeParse(event ?? {});
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error, event, requestSchema).map(formatProblem);
  throw new MillraceError('BINDING_INVALID', `the event does not say what to look at: ${problems.join('; ')}`);
}
