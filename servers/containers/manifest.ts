import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';

/** Texts by their paths in a folder. */
const files = z.record(z.string().regex(/^(?!\/)(?!.*\.\.)[A-Za-z0-9_./-]+$/), z.string());
export type Files = z.infer<typeof files>;

/** What the plan of a Docker environment has on this machine: configurations with placeholders for every secret, so the plan holds none. */
const manifestSchema = z.strictObject({
  environment: z.string(),
  /** By authority and name, the names and addresses that a certificate is good for. */
  certificates: z.record(z.string(), z.record(z.string(), z.array(z.string()).min(1))),
  /** What each container reads. */
  containers: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), files),
  /** What services read. */
  documents: files,
  /** For Grafana, whoever runs it. */
  dashboards: files,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** @throws {MillraceError} STATE_CORRUPT when the file is no manifest of this version. */
export function readManifest(path: string): Manifest {
  const parsed = manifestSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new MillraceError('STATE_CORRUPT', `${path} was not written by this version of Millrace; run make synth again`, {
    cause: parsed.error,
  });
}
