import * as z from 'zod/mini';
import { MillraceError } from '../contracts/errors.ts';
import { formatProblem, problemsOf } from '../contracts/problems.ts';

const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));

const requestSchema = z.strictObject({
  /** Parameter with the binding, `ssm:NAME`, or a file. @default what the variable MILLRACE_BINDING says */
  binding: z.optional(z.string().check(z.minLength(1))),
  /** Content that the binding must have; what is older is waited for. @default any */
  generation: z.optional(sha256),
  /** Content that the topology must have. @default the one that the binding means */
  topologyHash: z.optional(sha256),
  /** Services to look at. @default all that have objects */
  only: z.optional(z.array(z.string())),
  /** Changes that may cost messages or documents, by name; one that nothing waits for is passed over. */
  allow: z._default(z.array(z.string()), []),
  /** Whether differences are only told. */
  check: z._default(z.boolean(), false),
});

/** What the function is asked for, with every default. */
export type ApplyRequest = z.infer<typeof requestSchema>;

/** @throws {MillraceError} TOPOLOGY_NOT_APPLIED with all problems. */
export function parseRequest(event: unknown): ApplyRequest {
  const parsed = requestSchema.safeParse(event ?? {});
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error, event, requestSchema).map(formatProblem);
  throw new MillraceError('TOPOLOGY_NOT_APPLIED', `the event is no request to apply a topology: ${problems.join('; ')}`);
}
