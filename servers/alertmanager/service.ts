import type { Hosting } from '../hosting.ts';
import { bindWatcher } from '../prometheus/bound.ts';
import { alertmanagerProcess, refreshReceivers } from './process.ts';
import { alertmanagerProgram } from './program.ts';

/** One server that keeps alerts and silences, and tells whom the environment names. */
export const alertmanagerHosting: Hosting<'alertmanager'> = {
  kind: 'alertmanager',
  software: [alertmanagerProgram],
  plan({ name, role, settings, host, pathOf, place, secret, tls, environment, readDeclared }) {
    const at = place(name);
    const password = secret(name);
    const server = {
      ...{ ...at, ...settings, program: pathOf(alertmanagerProgram), host, password: password.value, tls: tls?.serverTls(at.name) },
      ...{ alerts: environment.alerts, readSecret: readDeclared },
    };
    return {
      servers: [{ place: at, wave: 0, server: alertmanagerProcess(server) }],
      finish: (options) => refreshReceivers(server, options),
      binding: bindWatcher('alertmanager', { role, tls: tls?.binding, passwordFile: password.ref, address: { host, port: at.port } }),
    };
  },
};
