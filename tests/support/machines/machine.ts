import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Namespace, openNamespace } from './namespace.ts';
import type { MachineNetwork } from './network.ts';
import { standIns, substitutions } from './substitutions.ts';

const execute = promisify(execFile);

export interface MachineOptions {
  /** Folder of the test. */
  readonly folder: string;
  readonly index: number;
  readonly network: MachineNetwork;
  readonly hosts: readonly string[];
  readonly userData: string;
  /** File that holds the data volume; it outlives the machine. */
  readonly volume: string;
  readonly volumeId: string;
  readonly endpoint: string;
  /** Python that has the AWS client. */
  readonly python: string;
}

/** One machine that has booted. */
export interface Machine {
  readonly address: string;
  /** Runs a command as root; @returns what it printed. */
  run(...command: string[]): Promise<string>;
  /** Takes the power away: processes and root files are gone, the data volume stays. */
  powerOff(): Promise<void>;
}

/** Boots a new machine with `userData` and returns when cloud-init is done. */
export async function bootMachine(options: MachineOptions): Promise<Machine> {
  const namespace = await openNamespace();
  try {
    const { network, index, python } = options;
    const root = await makeRoot(namespace, options);
    await network.attach(namespace, index);
    const environment = [
      `PATH=${standIns}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      'HOME=/root',
      'LANG=C.UTF-8',
      `AWS_ENDPOINT_URL=${options.endpoint}`,
    ];
    const command = (parts: readonly string[]) => [root, 'env', '-i', ...environment, ...parts];
    const run = (...parts: string[]) => namespace.run('chroot', command(parts), { timeoutMs: 120_000 });
    namespace.start('chroot', command([python, join(__dirname, 'metadata.py')]));
    await run(python, join(__dirname, 'cloud-init.py'), '/run/user-data').catch(async (error: Error) => {
      const logs = await run('sh', '-c', 'tail -n 20 /var/log/millrace-redis/*').catch((lost: Error) => lost.message);
      throw new Error(`${error.message}\n${logs}`, { cause: error });
    });
    return { address: network.addressOf(index), run, powerOff: () => namespace.end() };
  } catch (error) {
    await namespace.end();
    throw error;
  }
}

/** Root files of this machine's own on top of those that are there, in memory; the volume under the name that it has on EC2. */
async function makeRoot(namespace: Namespace, options: MachineOptions): Promise<string> {
  const { folder, index, hosts, network, volume, volumeId, python, userData } = options;
  const base = join(folder, `machine-${index}`);
  const root = join(base, 'root');
  mkdirSync(base, { recursive: true });
  const files = join(folder, `files-${index}`);
  writeTree(files, {
    '/run/user-data': userData,
    '/etc/hosts': ['127.0.0.1 localhost', ...hosts.map((host, other) => `${network.addressOf(other)} ${host}`), ''].join('\n'),
  });
  for (const { path, text, file } of substitutions(join(dirname(python), 'aws'))) {
    writeTree(files, text === undefined ? {} : { [path]: text });
    if (file !== undefined) writeTree(files, {}, { [path]: file });
  }
  const device = (await execute('losetup', ['--find', '--show', volume])).stdout.trim();
  const byId = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volumeId.replaceAll('-', '')}`;
  const environment = dirname(dirname(python));
  const setUp = `
    set -eu
    mount -t tmpfs tmpfs ${base}
    mkdir ${base}/upper ${base}/work ${root}
    mount -t overlay overlay -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/work ${root}
    cd ${root}
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs tmpfs dev
    mount -t tmpfs tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    for node in null zero full random urandom; do touch dev/$node; mount --bind /dev/$node dev/$node; done
    ln -s /proc/self/fd dev/fd
    cp -a ${device} dev/
    mkdir -p dev/disk/by-id dev/shm .${environment} .${__dirname}
    ln -s ${device} .${byId}
    mount --bind $(readlink -f ${environment}) .${environment}
    mkdir -p .$(readlink -f ${environment})
    mount --bind $(readlink -f ${environment}) .$(readlink -f ${environment})
    mount --bind ${__dirname} .${__dirname}
    cp -a ${files}/. .
    chmod 0755 . run etc usr usr/local opt
    chmod -R a+rx .${standIns} opt/aws
    rm -rf var/lib/millrace-redis etc/millrace-redis
    # A device in use is detached when its last user has gone, which is when the machine has.
    exec 9<${device}
    sleep infinity >/dev/null 2>&1 &
    losetup --detach ${device}
  `;
  try {
    await namespace.run('bash', ['-c', setUp]);
  } catch (error) {
    await execute('losetup', ['--detach', device]);
    throw error;
  }
  return root;
}

function writeTree(folder: string, texts: Record<string, string>, copies: Record<string, string> = {}): void {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
  }
  for (const [path, from] of Object.entries(copies)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    copyFileSync(from, join(folder, path));
  }
}
