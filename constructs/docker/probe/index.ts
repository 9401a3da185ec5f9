import type { Environment } from '../../../environments/schema.ts';
import type { BindingFragment } from '../../../runtime/src/contracts/binding.ts';
import { intervalSeconds } from '../../../servers/probe/interval.ts';
import { renderBinding } from '../../../servers/supervisor/binding.ts';
import { Construct, type ITerraformDependable } from '../../core/framework.ts';
import { ServerContainer } from '../foundation/container.ts';
import type { DockerGround } from '../foundation/ground.ts';
import { paths } from '../foundation/paths.ts';
import { referredFiles } from '../foundation/referred.ts';

export interface ProbeProps {
  readonly ground: DockerGround;
  readonly environment: Environment;
  /** What the services say to containers. */
  readonly services: BindingFragment;
  readonly after: readonly ITerraformDependable[];
}

export const probePort = 9_100;
const memoryMiB = 192;

/** Its image has no program but node that could ask. */
const live = `require('node:http').get('http://127.0.0.1:${probePort}/live', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`;

/** Name of the probe beside the Prometheus of that name. */
export function probeName(prometheus: string): string {
  return `${prometheus}-probe`;
}

/** `millrace probe`: it samples what servers do not publish, and Prometheus scrapes it. It reaches the services as containers do. */
export class Probe extends Construct {
  constructor(scope: Construct, id: string, { ground, environment, services, after }: ProbeProps) {
    super(scope, id);
    const { documents } = renderBinding(environment, services);
    const serving = ['--interval-seconds', String(intervalSeconds), '--http-host', '0.0.0.0', '--http-port', String(probePort)];
    new ServerContainer(this, 'Server', ground, {
      ...{ name: id, image: 'worker', memoryMiB, after, data: false },
      command: ['probe', '--binding', `${paths.mounted}/binding.json`, ...serving],
      files: { ...documents, ...referredFiles(services) },
      health: ['node', '-e', live],
      ports: { metrics: { inside: probePort } },
      stop: { graceSeconds: 10 },
    });
  }
}
