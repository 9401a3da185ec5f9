import { given } from '../../../servers/containers/placeholders.ts';
import { adminUser, passwordCost, renderWebConfig } from '../../../servers/prometheus/web-config.ts';
import { type Asking, askingHttp } from '../foundation/asking.ts';
import { certificateOf, certificateTexts } from '../foundation/container.ts';
import type { DockerGround } from '../foundation/ground.ts';
import { certificatePaths } from '../foundation/paths.ts';

/** What Prometheus and Alertmanager have alike: password and certificate of their pages, and how they are asked whether they are ready. */
export function webFiles(ground: DockerGround, service: string, port: number): Asking {
  const certificate = certificateOf(ground, service);
  const asking = askingHttp({ port, path: '/-/ready' }, { tls: ground.tls, user: adminUser, password: service });
  const web = renderWebConfig({
    user: adminUser,
    passwordHash: given.bcrypt(service, passwordCost),
    tls: certificate && certificatePaths,
  });
  return { ...asking, files: { 'web.yml': web, ...asking.files, ...certificateTexts(certificate) } };
}
