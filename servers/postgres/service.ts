import type { Hosting } from '../hosting.ts';
import { unprivilegedOwner } from '../local-process/owner.ts';
import { ensureDatabase, postgresProcess } from './process.ts';
import { postgresProgram } from './program.ts';

const user = 'postgres';
/** The database that services find; `postgres` is left to administration. */
const database = 'app';
/** Enough for two-phase commits of a test or two; each slot costs a few hundred bytes. */
const maxPreparedTransactions = 20;

/** One server with one database. */
export const postgresHosting: Hosting<'postgres'> = {
  kind: 'postgres',
  program: postgresProgram,
  owner: () => unprivilegedOwner('postgres', 'nobody'),
  plan({ name, role, settings, host, program, owner, place, secret }) {
    const { memoryMiB, maxConnections } = settings;
    const password = secret(name);
    const at = place(name);
    const server = postgresProcess({
      ...{ ...at, programs: program, owner, user, password: password.value },
      settings: { host, port: at.port, memoryMiB, maxConnections, maxPreparedTransactions, settings: settings.settings },
    });
    return {
      servers: [{ place: at, wave: 0, server }],
      finish: () => ensureDatabase({ host, port: at.port, user, password: password.value }, database),
      binding: {
        kind: 'postgres',
        role,
        database,
        endpoints: [{ purpose: 'primary', host, port: at.port }],
        auth: { mode: 'password', username: user, secretRef: { from: 'file', id: password.ref } },
        limits: { maxConnections },
      },
    };
  },
};
