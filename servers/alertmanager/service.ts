import type { Hosting } from '../hosting.ts';
import { adminUser } from '../prometheus/web-config.ts';
import { alertmanagerProcess } from './process.ts';
import { alertmanagerProgram } from './program.ts';

/** One server that keeps alerts and silences, and tells nobody until its receiver has targets. */
export const alertmanagerHosting: Hosting<'alertmanager'> = {
  kind: 'alertmanager',
  software: [alertmanagerProgram],
  plan({ name, role, settings, host, pathOf, place, secret, tls }) {
    const at = place(name);
    const password = secret(name);
    const server = alertmanagerProcess({
      ...{ ...at, ...settings, program: pathOf(alertmanagerProgram), host, password: password.value, tls: tls?.serverTls(at.name) },
    });
    return {
      servers: [{ place: at, wave: 0, server }],
      binding: {
        kind: 'alertmanager',
        role,
        endpoints: [{ purpose: 'primary', host, port: at.port }],
        ...(tls && { tls: tls.binding }),
        auth: { mode: 'password', username: adminUser, secretRef: { from: 'file', id: password.ref } },
      },
    };
  },
};
