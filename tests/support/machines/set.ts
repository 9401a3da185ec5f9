import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { renderUserData } from '../../../constructs/aws/redis-sentinel/machine/index.ts';
import type { MachineSettings } from '../../../constructs/aws/redis-sentinel/machine/settings.ts';
import { settleAll } from '../../../servers/local-process/settle.ts';
import { testFolder } from '../folders.ts';
import { type Moto, startMoto } from '../moto.ts';
import { pythonWith } from '../python.ts';
import { bootMachine, type Machine } from './machine.ts';
import { openNetwork } from './network.ts';

/** Three machines of EC2 as this machine plays them. */
export interface MachineSet {
  readonly hosts: readonly string[];
  readonly settings: MachineSettings;
  readonly machines: readonly Machine[];
  readonly moto: Moto;
  addressOf(host: string): string | undefined;
  /** Boots a new machine in place of one that is off. @param volume `kept`, or a new one without anything on it */
  replace(index: number, volume: 'kept' | 'new'): Promise<Machine>;
  secret(arn: string): Promise<string>;
  /** What a deployment of the topology leaves behind: the rules of users by their names, for machines that start. The first one makes the bucket. */
  storeRules(json: string): Promise<void>;
  stop(): Promise<void>;
}

/** The AWS client of the machines; Amazon Linux has the second version, which PyPI has not. */
const awsClient = ['awscli==1.46.3'];
const volumeMiB = 192;
const region = 'eu-central-1';
const count = 3;
const documents = { bucket: 'documents', key: 'redis-users/events.json' };

/** User of the topology that has a password before its rules are known, as in the order of the stacks. */
export const topologyUser = 'emails';

/** Boots three new machines side by side. */
export async function startMachines(overrides: Partial<MachineSettings['settings']> = {}): Promise<MachineSet> {
  const folder = await testFolder('machines');
  const python = await pythonWith(awsClient);
  const network = await openNetwork();
  const moto = await startMoto(network.gateway);
  const machines: (Machine | undefined)[] = [];
  const endings = [
    () => Promise.all(machines.map((machine) => machine?.powerOff())),
    () => moto.stop(),
    () => network.end(),
    () => folder.remove(),
  ];
  const stop = async () => {
    for (const end of endings) await end();
  };
  try {
    const access = { endpoint: moto.endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'only-for-tests' } };
    const secrets = new SecretsManagerClient(access);
    endings.unshift(async () => secrets.destroy());
    const settings = { ...(await createCloud(access, secrets)), settings: { ...sizes, ...overrides } };
    const hosts = settings.nodes.map(({ host }) => host);
    const volumes = hosts.map((_, index) => join(folder.path, `volume-${index}`));
    const boot = async (index: number) => {
      const node: MachineSettings = { ...settings, node: index, dataVolumeId: `vol-0${index}` };
      const userData = renderUserData(node);
      const volume = { volume: volumes[index]!, volumeId: node.dataVolumeId };
      const machine = await bootMachine({
        folder: folder.path,
        index,
        network,
        hosts,
        userData,
        ...volume,
        endpoint: moto.endpoint,
        python,
      });
      machines[index] = machine;
      return machine;
    };
    await Promise.all(volumes.map(emptyVolume));
    await settleAll(hosts.map((_, index) => boot(index)));
    return {
      hosts,
      settings,
      moto,
      machines: machines as Machine[],
      addressOf: (host) => (hosts.includes(host) ? network.addressOf(hosts.indexOf(host)) : undefined),
      replace: async (index, volume) => {
        if (volume === 'new') await emptyVolume(volumes[index]!);
        return boot(index);
      },
      secret: async (arn) => (await secrets.send(new GetSecretValueCommand({ SecretId: arn }))).SecretString ?? '',
      storeRules: (json) => storeRules(access, json),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const sizes: MachineSettings['settings'] = { memoryMiB: 64, downAfterMs: 1_000, failoverTimeoutMs: 3_000, maxMemoryPolicy: 'noeviction' };

type Access = ConstructorParameters<typeof S3Client>[0] & object;

/** What the plan creates before the first machine boots: secrets, two of them without a value, and a bucket. */
async function createCloud(access: Access, secrets: SecretsManagerClient): Promise<Omit<MachineSettings, 'settings'>> {
  const objects = new S3Client({ ...access, forcePathStyle: true });
  await objects.send(new CreateBucketCommand({ Bucket: 'backups', CreateBucketConfiguration: { LocationConstraint: region } }));
  objects.destroy();
  // What a generated password may contain, and what a shell or a configuration file could stumble over.
  const user = (username: string) => JSON.stringify({ username, password: `${randomBytes(12).toString('base64url')}$&"'\\ #@` });
  const create = async (name: string, value?: string) =>
    (await secrets.send(new CreateSecretCommand({ Name: `events/${name}`, ...(value !== undefined && { SecretString: value }) }))).ARN!;
  await create(`user/${topologyUser}`, user(topologyUser));
  return {
    ...{ environment: 'test', service: 'events', region, masterName: 'events', node: 0, software: 'amazon-linux' as const },
    nodes: Array.from({ length: count }, (_, index) => ({
      name: `events-${index + 1}`,
      host: `node-${index + 1}.events.test.millrace.internal`,
    })),
    ports: { redis: 6379, sentinel: 26379 },
    secrets: {
      users: await create('users', user('app')),
      sentinel: await create('sentinel', user('default')),
      replication: await create('replication', user('replication')),
      apply: await create('apply', user('apply')),
      authority: await create('authority'),
      authorityKey: await create('authority-key'),
    },
    users: { secrets: 'events/user/', document: `s3://${documents.bucket}/${documents.key}` },
    backup: { bucket: 'backups', prefix: 'events', snapshotEveryHours: 24, appendLogEveryHours: 1, keepDays: 7 },
    logGroup: '/aws/vendedlogs/millrace/test/events',
    dataVolumeId: '',
  };
}

async function storeRules(access: Access, json: string): Promise<void> {
  const objects = new S3Client({ ...access, forcePathStyle: true });
  const { bucket: Bucket, key: Key } = documents;
  // Making a bucket again that is one's own is an error in this region.
  await objects
    .send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }))
    .catch((error: Error) => {
      if (error.name !== 'BucketAlreadyOwnedByYou') throw error;
    });
  await objects.send(new PutObjectCommand({ Bucket, Key, Body: json }));
  objects.destroy();
}

/** A file with a hole of the volume's size: nothing lies on it. */
async function emptyVolume(path: string): Promise<void> {
  writeFileSync(path, '');
  await truncate(path, volumeMiB * 1_048_576);
}
