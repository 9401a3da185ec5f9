import * as z from 'zod/mini';
import { serviceKinds, serviceRoles } from '../contracts/binding.ts';

/** `unseen`: the doctor itself could not look, which tells nothing of the service. */
const severity = z.enum(['degraded', 'down', 'unseen']);

const problem = z.strictObject({
  /** Of `docs/errors.md` or `docs/doctor.md`; `UNEXPECTED` for an error that nobody foresaw. */
  code: z.string(),
  severity,
  sentence: z.string(),
  wayOut: z.string(),
  /** Page of the repository that goes on from there. */
  runbook: z.optional(z.string()),
});
/** Something that is wrong, and the way out. */
export type Problem = z.infer<typeof problem>;

const serviceReport = z.strictObject({
  service: z.string(),
  kind: z.enum(serviceKinds),
  role: z.enum(serviceRoles),
  /** The worst of its problems. */
  status: z.enum(['well', ...severity.options]),
  /** Round trip of one small question over an open connection. */
  latencyMs: z.optional(z.number()),
  /** As the server tells it; of Kafka the release of its metadata. */
  version: z.optional(z.string()),
  /** What it is at this moment, for people: `master, 2 replicas`. */
  state: z.optional(z.string()),
  problems: z.array(problem),
  elapsedMs: z.number(),
});
export type ServiceReport = z.infer<typeof serviceReport>;

/** What `millrace doctor --json` prints. */
export const doctorReportSchema = z.strictObject({
  environment: z.string(),
  /** `unseen` when any service is, then `problems` when there are any. */
  status: z.enum(['well', 'problems', 'unseen']),
  /** When it began to look, as ISO 8601. */
  lookedAt: z.iso.datetime(),
  elapsedMs: z.number(),
  /** In the order of their names. */
  services: z.array(serviceReport),
  /** Problems that are of no single service, such as a topology that cannot be read. */
  problems: z.array(problem),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;

/** The worst severity among problems. */
export function statusOf(problems: readonly Problem[]): ServiceReport['status'] {
  return (['unseen', 'down', 'degraded'] as const).find((each) => problems.some(({ severity: own }) => own === each)) ?? 'well';
}

export function summaryStatus(problems: readonly Problem[]): DoctorReport['status'] {
  if (problems.some((each) => each.severity === 'unseen')) return 'unseen';
  return problems.length === 0 ? 'well' : 'problems';
}

/** 0 all is well; 1 something could not be looked at, the others are told; 2 a problem was found. */
export function exitCodeOf(status: DoctorReport['status']): 0 | 1 | 2 {
  return ({ well: 0, unseen: 1, problems: 2 } as const)[status];
}
