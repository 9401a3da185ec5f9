import type { BoundService } from '../../runtime/src/contracts/binding.ts';
import type { Hosting } from '../hosting.ts';
import { prometheusProcess, refreshTargets } from './process.ts';
import { prometheusProgram } from './program.ts';
import { adminUser } from './web-config.ts';

/** One server that scrapes itself and every other service with metrics, and sends alerts to the Alertmanager that is declared. */
export const prometheusHosting: Hosting<'prometheus'> = {
  kind: 'prometheus',
  software: [prometheusProgram],
  plan({ name, role, settings, host, pathOf, place, secret, tls, others, read }) {
    const at = place(name);
    const password = secret(name);
    const binding: BoundService = {
      kind: 'prometheus',
      role,
      endpoints: [{ purpose: 'primary', host, port: at.port }],
      ...(tls && { tls: tls.binding }),
      auth: { mode: 'password', username: adminUser, secretRef: { from: 'file', id: password.ref } },
    };
    const server = {
      ...{ ...at, ...settings, program: pathOf(prometheusProgram), host, password: password.value },
      ...{ tls: tls?.serverTls(at.name), bindings: () => ({ services: { [name]: binding, ...others() }, read }) },
    };
    return {
      servers: [{ place: at, wave: 0, server: prometheusProcess(server) }],
      finish: (options) => refreshTargets(server, options),
      binding,
    };
  },
};
