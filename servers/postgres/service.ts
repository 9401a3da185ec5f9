import type { Hosting } from '../hosting.ts';
import { unprivilegedOwner } from '../local-process/owner.ts';
import { bindPostgres, database, superUser as user } from './bound.ts';
import { maxPreparedTransactions } from './config.ts';
import { ensureDatabase, postgresProcess } from './process.ts';
import { postgresProgram } from './program.ts';

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
      binding: bindPostgres({ role, tls: tls?.binding, passwordFile: password.ref, address: { host, port: at.port }, maxConnections }),
    };
  },
};
