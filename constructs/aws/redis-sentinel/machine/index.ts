import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisTemplate, sentinelTemplate, usersTemplate } from './configuration.ts';
import { renderEnvironment } from './environment.ts';
import { logRotation, renderAgent } from './logs.ts';
import { places } from './places.ts';
import type { MachineSettings } from './settings.ts';
import { renderUnits } from './units.ts';

/** One file that the machine gets; text only. */
interface MachineFile {
  readonly path: string;
  readonly permissions: string;
  readonly content: string;
}

/** Scripts that are run; `library`, `master` and `users` are read by others. */
const scripts = [
  'library',
  'first-boot',
  'install',
  'volume',
  'boot',
  'authority',
  'certificate',
  'master',
  'users',
  'prepare-redis',
  'prepare-sentinel',
  'backup',
  'restore',
  'metrics',
  'watch',
] as const;

/**
 * The user data of one machine: a cloud-config that writes files and runs the first of them. No secret stands in it.
 *
 * Plain text, in which the scripts contain `${`: a template language that reads it must be told to leave them alone. EC2 takes 16 KB, so it is to be
 * compressed.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
 */
export function renderUserData(settings: MachineSettings): string {
  const files = machineFiles(settings).flatMap(({ path, permissions, content }) => [
    `  - path: ${path}`,
    `    permissions: '${permissions}'`,
    '    content: |',
    ...content
      .trimEnd()
      .split('\n')
      .map((line) => (line === '' ? '' : `      ${line}`)),
  ]);
  return ['#cloud-config', 'write_files:', ...files, 'runcmd:', `  - [${places.library}/first-boot.sh]`, ''].join('\n');
}

/** Everything that is written before anything runs. */
export function machineFiles(settings: MachineSettings): MachineFile[] {
  const text = (path: string, content: string, permissions = '0644'): MachineFile => ({ path, permissions, content });
  return [
    text(`${places.templates}/settings.env`, renderEnvironment(settings)),
    text(`${places.templates}/redis.conf`, redisTemplate(settings)),
    text(`${places.templates}/sentinel.conf`, sentinelTemplate(settings)),
    text(`${places.templates}/users.acl`, usersTemplate()),
    ...scripts.map((name) => text(`${places.library}/${name}.sh`, scriptText(name), '0755')),
    text(places.command, scriptText('millrace-redis'), '0755'),
    ...Object.entries(renderUnits(settings)).map(([name, content]) => text(`/etc/systemd/system/${name}`, content)),
    text('/etc/sysctl.d/60-millrace-redis.conf', kernelSettings),
    text('/etc/tmpfiles.d/millrace-redis.conf', 'w /sys/kernel/mm/transparent_hugepage/enabled - - - - never\n'),
    text('/etc/logrotate.d/millrace-redis', logRotation),
    text(`${places.templates}/agent.json`, renderAgent(settings)),
  ];
}

/** A fork must not be refused for memory it will never use, and a burst of clients must not be dropped before they are accepted. */
const kernelSettings = `vm.overcommit_memory = 1
vm.swappiness = 1
net.core.somaxconn = 1024
`;

function scriptText(name: string): string {
  return readFileSync(join(__dirname, 'files', `${name}.sh`), 'utf8');
}
