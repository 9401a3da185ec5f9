import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { serviceKinds } from '../../runtime/src/contracts/binding.ts';
import { MillraceError } from '../../runtime/src/contracts/errors.ts';
import { formatProblem, problemsOf } from '../../runtime/src/contracts/problems.ts';
import { writePrivateFile } from '../local-process/files.ts';
import type { ProcessIdentity } from '../local-process/identity.ts';
import { processesWithin } from './holders.ts';
import { type Home, unwritable } from './home.ts';

const portNumber = z.int().min(1).max(65_535);
const serverRecord = z.strictObject({
  service: z.string(),
  kind: z.enum([...serviceKinds, 'probe']),
  port: portNumber,
  /** Ports besides, by what they are for. */
  ports: z.record(z.string(), portNumber).default({}),
  dir: z.string(),
  logFile: z.string(),
  program: z.string(),
  version: z.string(),
  /** How to stop it: kept here, so that `down` needs nothing but this file. */
  wave: z.int(),
  stop: z.array(z.strictObject({ signal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT']), graceMs: z.number() })),
  /** What the declaration said when it was started: SHA-256 of role and settings. */
  settingsHash: z.string(),
  /** The process, as long as it was not stopped by us. */
  process: z.strictObject({ pid: z.int().min(1), startTime: z.string() }).optional(),
});
export type ServerRecord = z.infer<typeof serverRecord>;

const stateSchema = z.strictObject({
  schema: z.literal('millrace.state/1'),
  environment: z.string(),
  servers: z.record(z.string(), serverRecord),
});
type StateDocument = z.infer<typeof stateSchema>;

/** What is known about the servers of one environment; every change is on disk before the call returns. */
export interface State {
  readonly servers: ReadonlyMap<string, ServerRecord>;
  put(id: string, record: ServerRecord): void;
  setProcess(id: string, identity: ProcessIdentity | undefined): void;
  remove(id: string): void;
}

/** The state in the folder; empty when there is none. @throws {MillraceError} STATE_CORRUPT when it cannot be read. */
export function openState(home: Home, environment: string): State {
  const servers = new Map(Object.entries(read(home, environment)?.servers ?? {}));
  const save = () => {
    const document: StateDocument = { schema: 'millrace.state/1', environment, servers: Object.fromEntries(servers) };
    try {
      writePrivateFile(home.stateFile, `${JSON.stringify(document, null, 2)}\n`);
    } catch (cause) {
      throw unwritable(home.stateFile, cause);
    }
  };
  return {
    servers,
    put: (id, record) => {
      servers.set(id, record);
      save();
    },
    setProcess: (id, identity) => {
      const { process: _, ...rest } = servers.get(id)!;
      servers.set(id, identity === undefined ? rest : { ...rest, process: { pid: identity.pid, startTime: identity.startTime } });
      save();
    },
    remove: (id) => {
      servers.delete(id);
      save();
    },
  };
}

function read(home: Home, environment: string): StateDocument | undefined {
  const text = readText(home);
  if (text === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw corrupt(home, 'it is not JSON', cause);
  }
  const parsed = stateSchema.safeParse(document);
  if (parsed.success && parsed.data.environment !== environment) {
    const { environment: other } = parsed.data;
    throw new MillraceError(
      'STATE_FOREIGN',
      `folder ${home.dir} belongs to the environment ${other}, not to ${environment}; name another with MILLRACE_STATE_DIR or --state-dir`,
    );
  }
  if (parsed.success) return parsed.data;
  throw corrupt(home, problemsOf(parsed.error, document, stateSchema).map(formatProblem).slice(0, 3).join('; '));
}

function readText({ stateFile }: Home): string | undefined {
  try {
    return readFileSync(stateFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function corrupt(home: Home, what: string, cause?: unknown): MillraceError {
  const pids = processesWithin(home.dir);
  const stop = pids.length === 0 ? 'make sure that no server runs there' : `stop its servers (kill ${pids.join(' ')})`;
  return new MillraceError(
    'STATE_CORRUPT',
    `state file ${home.stateFile} cannot be used: ${what}; ${stop}, remove the folder ${home.dir} and run \`up\` again`,
    { cause },
  );
}
