import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Binding, type BoundService, bindingSchemaId, type SecretRef } from '../../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { type TopologyInput, topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { pythonWith } from '../../support/python.ts';

const run = promisify(execFile);
const root = join(__dirname, '../../..');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * A function as AWS unpacks it: `make` packs it unless it is packed, and the archive that the plan carries is unpacked into `folder`.
 *
 * @returns its handler's file.
 */
export async function unpackedFunction(folder: string, name: 'apply' | 'probe' = 'apply'): Promise<string> {
  const archive = `dist/lambda/${name}.zip`;
  await run('make', ['--silent', archive], { cwd: root });
  await run(await pythonWith(), ['-m', 'zipfile', '-e', join(root, archive), folder]);
  return join(folder, 'index.mjs');
}

/** What AWS answers to whoever invokes a function, and what the function wrote. */
export interface Invocation {
  readonly answer?: Record<string, unknown>;
  readonly error?: { readonly errorType: string; readonly errorMessage: string };
  /** Lines of JSON. */
  readonly log: readonly Record<string, unknown>[];
  /** Of the whole process, its start included. */
  readonly elapsedMs: number;
}

/** What Lambda's own program does around a handler, for one invocation. */
const around = `
const [file, event, remainingMs] = process.argv.slice(2);
const endsAt = Date.now() + Number(remainingMs);
const { handler } = await import(file);
const outcome = await handler(JSON.parse(event), { getRemainingTimeInMillis: () => endsAt - Date.now() }).then(
  (answer) => ({ answer }),
  ({ name, message }) => ({ error: { errorType: name, errorMessage: message } }),
);
process.stdout.write(JSON.stringify({ outcome }) + '\\n', () => process.exit());
`;

/** Starts a process for one invocation, as Lambda does for the first one after a deployment. */
export async function invoke(
  file: string,
  event: object,
  env: Readonly<Record<string, string>>,
  remainingMs = 60_000,
): Promise<Invocation> {
  const program = join(file, '..', 'around.mjs');
  await writeFile(program, around);
  const startedAt = Date.now();
  const { PATH = '' } = process.env;
  const args = [program, file, JSON.stringify(event), String(remainingMs)];
  const { stdout } = await run(process.execPath, args, { env: { PATH, ...env }, timeout: remainingMs + 20_000, maxBuffer: 1 << 24 });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const { outcome } = lines.pop() as { outcome: Pick<Invocation, 'answer' | 'error'> };
  return { ...outcome, log: lines, elapsedMs: Date.now() - startedAt };
}

/** An environment on moto: a bucket with topologies, a parameter with the binding, secrets. */
export interface AwsEnvironment {
  /** Stores a secret and says how a binding refers to it. */
  secret(name: string, value: string): Promise<SecretRef>;
  /** Gives a secret another value. */
  rotate(ref: SecretRef, value: string): Promise<void>;
  /** Stores the topology and a binding that means it. */
  publish(services: Readonly<Record<string, BoundService>>, topology: TopologyInput): Promise<{ generation: string; topologyHash: string }>;
  /** Overwrites the topology with that hash. */
  spoil(topologyHash: string, content: string): Promise<void>;
  close(): void;
}

/** @param parameter name of the binding's. */
export async function awsEnvironment(endpoint: string, parameter: string): Promise<AwsEnvironment> {
  const [secrets, parameters, objects] = [
    new SecretsManagerClient({ endpoint }),
    new SSMClient({ endpoint }),
    new S3Client({ endpoint, forcePathStyle: true }),
  ];
  const bucket = 'documents';
  await objects.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
  const keyOf = (hash: string): string => `topology/${hash}.json`;
  const put = (hash: string, text: string) => objects.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(hash), Body: text }));
  return {
    async secret(name, value) {
      const { ARN } = await secrets.send(new CreateSecretCommand({ Name: name, SecretString: value }));
      return { from: 'aws-secrets-manager', id: ARN! };
    },
    async rotate({ id }, value) {
      await secrets.send(new PutSecretValueCommand({ SecretId: id, SecretString: value }));
    },
    async publish(services, topology) {
      const text = canonicalJson(topologySchema.parse(topology));
      const hash = sha256(text);
      await put(hash, text);
      const place = { hash, location: `s3://${bucket}/${keyOf(hash)}` };
      const content = { schema: bindingSchemaId, environment: 'trial', services, topology: place } satisfies Omit<Binding, 'generation'>;
      const generation = sha256(canonicalJson(content));
      const Value = JSON.stringify({ ...content, generation });
      await parameters.send(new PutParameterCommand({ Name: parameter, Type: 'String', Tier: 'Advanced', Overwrite: true, Value }));
      return { generation, topologyHash: hash };
    },
    spoil: async (hash, content) => void (await put(hash, content)),
    close() {
      for (const client of [secrets, parameters, objects]) client.destroy();
    },
  };
}
