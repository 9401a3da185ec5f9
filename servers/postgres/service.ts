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
  software: [postgresProgram],
  owner: () => unprivilegedOwner('postgres', 'nobody'),
  plan({ name, role, settings, host, pathOf, owner, place, secret, tls }) {
    const { memoryMiB, maxConnections } = settings;
    const password = secret(name);
    const at = place(name);
    const certificates = tls?.serverTls(at.name);
    const address = { host, port: at.port, user, password: password.value };
    const server = postgresProcess({
      ...{ ...at, programs: pathOf(postgresProgram), owner, user, password: password.value, tls: certificates },
      settings: { host, port: at.port, memoryMiB, maxConnections, maxPreparedTransactions, settings: settings.settings },
    });
    return {
      servers: [{ place: at, wave: 0, server }],
      finish: () => ensureDatabase({ ...address, caFile: certificates?.caFile }, database),
      binding: {
        kind: 'postgres',
        role,
        database,
        endpoints: [{ purpose: 'primary', host, port: at.port }],
        ...(tls && { tls: tls.binding }),
        auth: { mode: 'password', username: user, secretRef: { from: 'file', id: password.ref } },
        limits: { maxConnections },
      },
    };
  },
};
