import { builtVersion } from '../built-program.ts';
import type { Hosting } from '../hosting.ts';
import { probeProcess } from '../probe/process.ts';
import { bindWatcher } from './bound.ts';
import { prometheusProcess, refreshTargets } from './process.ts';
import { prometheusProgram } from './program.ts';

/** One server that scrapes itself, every other service with metrics and the probe beside it, and sends alerts to the Alertmanager that is declared. */
export const prometheusHosting: Hosting<'prometheus'> = {
  kind: 'prometheus',
  software: [prometheusProgram],
  plan({ name, role, settings, host, pathOf, place, secret, tls, others, read, environment, bindingFile, program }) {
    const at = place(name);
    const beside = place(`${name}-probe`);
    const password = secret(name);
    const binding = bindWatcher('prometheus', { role, tls: tls?.binding, passwordFile: password.ref, address: { host, port: at.port } });
    const server = {
      ...{ ...at, ...settings, program: pathOf(prometheusProgram), host, password: password.value },
      ...{ environment, probeAddress: `${host}:${beside.port}` },
      ...{ tls: tls?.serverTls(at.name), bindings: () => ({ services: { [name]: binding, ...others() }, read }) },
    };
    return {
      servers: [{ place: at, wave: 0, server: prometheusProcess(server) }],
      watchers: [
        { kind: 'probe', version: builtVersion(), place: beside, wave: 1, server: probeProcess({ ...beside, host, program, bindingFile }) },
      ],
      finish: (options) => refreshTargets(server, options),
      binding,
    };
  },
};
