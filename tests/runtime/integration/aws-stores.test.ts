import { createHash } from 'node:crypto';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { parameterName } from '../../../constructs/core/naming.ts';
import { loadBinding, wrap } from '../../../runtime/src/binding/index.ts';
import type { BoundService, SecretRef } from '../../../runtime/src/contracts/binding.ts';
import { canonicalJson } from '../../../runtime/src/contracts/canonical-json.ts';
import { isMillraceError, type MillraceError } from '../../../runtime/src/contracts/errors.ts';
import { readTopology } from '../../../runtime/src/topology/index.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { testIdentity } from '../../support/template.ts';
import { type AwsGate, startAwsGate } from '../support/aws-gate.ts';

const cache: BoundService = {
  kind: 'redis',
  role: 'cache',
  endpoints: [{ purpose: 'primary', host: 'cache.example.com', port: 6379 }],
  tls: {},
  auth: { mode: 'none' },
};

let moto: Moto;
let gate: AwsGate;
let secrets: SecretsManagerClient;
let parameters: SSMClient;
let objects: S3Client;
const realNow = performance.now.bind(performance);
let laterMs = 0;

beforeAll(async () => {
  moto = await startMoto();
  gate = await startAwsGate(moto.endpoint);
  Object.assign(process.env, moto.env, { AWS_ENDPOINT_URL: gate.endpoint });
  const direct = { endpoint: moto.endpoint };
  secrets = new SecretsManagerClient(direct);
  parameters = new SSMClient(direct);
  objects = new S3Client({ ...direct, forcePathStyle: true });
  jest.spyOn(performance, 'now').mockImplementation(() => realNow() + laterMs);
});
afterAll(async () => {
  for (const client of [secrets, parameters, objects]) client.destroy();
  await gate.close();
  await moto.stop();
});
beforeEach(() => {
  gate.trouble = undefined;
  gate.asked.length = 0;
});

async function refused(work: Promise<unknown>): Promise<MillraceError> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (isMillraceError(outcome)) return outcome;
  throw new Error('it was accepted, or failed otherwise', { cause: outcome });
}

describe('a secret in AWS Secrets Manager', () => {
  const handle = wrap({ cache }).service('cache');
  const ref = (id: string, rest: Partial<SecretRef> = {}): SecretRef => ({ from: 'aws-secrets-manager', id, ...rest });
  const create = async (Name: string, SecretString: string) =>
    (await secrets.send(new CreateSecretCommand({ Name, SecretString }))) as { ARN: string; VersionId: string };
  const replace = (SecretId: string, SecretString: string) => secrets.send(new PutSecretValueCommand({ SecretId, SecretString }));

  test('is read by name and by ARN, whole or one key of it', async () => {
    const { ARN } = await create('orders/database', '{"username":"orders","password":"pass=word","port":5432}');
    expect(await handle.secret(ref('orders/database', { jsonKey: 'password' }))).toBe('pass=word');
    expect(await handle.secret(ref(ARN, { jsonKey: 'port' }))).toBe('5432');
    expect(await handle.secret(ref(ARN))).toContain('"username":"orders"');
    expect(gate.asked).toEqual(['secretsmanager.GetSecretValue', 'secretsmanager.GetSecretValue']);
  });

  test('is read in the region of its ARN', async () => {
    const elsewhere = new SecretsManagerClient({ endpoint: moto.endpoint, region: 'us-west-2' });
    const { ARN } = await elsewhere.send(new CreateSecretCommand({ Name: 'far', SecretString: 'away' }));
    elsewhere.destroy();
    expect(await handle.secret(ref(ARN!))).toBe('away');
    expect((await refused(handle.secret(ref('far')))).message).toContain('is not there');
  });

  test('is read as bytes, by stage and by id of a version', async () => {
    const { VersionId: first } = await create('staged', 'one');
    await replace('staged', 'two');
    await secrets.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary: Buffer.from('binary') }));
    expect(await handle.secret(ref('staged'))).toBe('two');
    expect(await handle.secret(ref('staged', { version: 'AWSPREVIOUS' }))).toBe('one');
    expect(await handle.secret(ref('staged', { version: first }))).toBe('one');
    expect(await handle.secret(ref('bytes'))).toBe('binary');
  });

  test('is one request for a hundred connections of several bindings', async () => {
    await create('shared', 'same');
    const handles = Array.from({ length: 100 }, () => wrap({ cache }).service('cache'));
    expect(new Set(await Promise.all(handles.map((each) => each.secret(ref('shared')))))).toEqual(new Set(['same']));
    expect(gate.asked).toHaveLength(1);
  });

  test('is read again once after a rotation, when a server refused it', async () => {
    await create('rotated', 'old');
    expect(await handle.secret(ref('rotated'))).toBe('old');
    await replace('rotated', 'new');
    expect(await handle.secret(ref('rotated'))).toBe('old');
    laterMs += 10_000;
    const again = Array.from({ length: 100 }, () => handle.secret(ref('rotated'), { fresh: true }));
    expect(new Set(await Promise.all(again))).toEqual(new Set(['new']));
    expect(await handle.secret(ref('rotated'))).toBe('new');
    await handle.secret(ref('rotated'), { fresh: true });
    expect(gate.asked).toHaveLength(2);
  });

  test('is read again after 5 minutes, and given on while AWS does not answer', async () => {
    await create('aged', 'old');
    await handle.secret(ref('aged'));
    await replace('aged', 'new');
    laterMs += 301_000;
    gate.trouble = { status: 500, name: 'InternalServiceError' };
    expect(await handle.secret(ref('aged'))).toBe('old');
    gate.trouble = undefined;
    laterMs += 2_000;
    expect(await handle.secret(ref('aged'))).toBe('new');
  });

  test('fails if it is not there, naming it', async () => {
    const { ARN } = await create('here', 'x');
    const error = await refused(handle.secret(ref(ARN.replace('here', 'gone'))));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable: false });
    expect(error.message).toContain(ARN.replace('here', 'gone'));
    const version = await refused(handle.secret(ref('here', { version: 'NOSTAGE' })));
    expect(version).toMatchObject({ code: 'SECRET_UNAVAILABLE', message: expect.stringContaining('version NOSTAGE') });
  });

  test('fails if a key is missing, without telling the secret', async () => {
    await create('keys', '{"password":"hunter2"}');
    const error = await refused(handle.secret(ref('keys', { jsonKey: 'passwort' })));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable: false });
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain('hunter2');
  });

  test.each([
    [{ status: 400, name: 'AccessDeniedException' }, false, /may not be read; grant the role/],
    [{ status: 400, name: 'DecryptionFailure' }, false, /KMS key/],
    [{ status: 400, name: 'ThrottlingException' }, true, /throttles/],
    [{ status: 400, name: 'ExpiredTokenException' }, true, /have expired/],
    [{ status: 400, name: 'UnrecognizedClientException' }, false, /credentials/],
    [{ status: 400, name: 'InvalidRequestException' }, false, /refuses the request/],
    [{ status: 503, name: 'ServiceUnavailable' }, true, /did not answer/],
  ] as const)('fails if AWS says %j', async (trouble, retriable, sentence) => {
    gate.trouble = trouble;
    const error = await refused(handle.secret(ref(`trouble/${trouble.name}`)));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable, message: expect.stringMatching(sentence) });
    expect(error.message).toContain(`trouble/${trouble.name}`);
    expect(error.message).toContain('as AWS says it');
    expect(gate.asked.length).toBeLessThanOrEqual(3);
  });

  test('fails if AWS is silent, within 10 s and some', async () => {
    gate.trouble = 'silence';
    const startedAt = realNow();
    const error = await refused(handle.secret(ref('silent')));
    expect(error).toMatchObject({ code: 'SECRET_UNAVAILABLE', retriable: true, message: expect.stringContaining('did not answer') });
    expect(realNow() - startedAt).toBeLessThan(20_000);
  });
});

describe('a binding in the parameter store', () => {
  const { document } = wrap({ cache }, { environment: 'test' });
  const name = parameterName(testIdentity, 'binding');
  const put = (Name: string, value: unknown) => {
    const Value = typeof value === 'string' ? value : JSON.stringify(value);
    return parameters.send(new PutParameterCommand({ Name, Value, Type: 'String', Tier: 'Advanced', Overwrite: true }));
  };
  const load = (source: string) => loadBinding({ env: { MILLRACE_BINDING: source } });

  test('is loaded under the name that the plan gives it, by variable and by option', async () => {
    await put(name, document);
    expect((await load('ssm:/millrace/test/binding')).document).toEqual(document);
    expect((await loadBinding({ file: `ssm:${name}`, env: {} })).service('cache').service).toEqual(cache);
    expect(gate.asked).toEqual(['AmazonSSM.GetParameter', 'AmazonSSM.GetParameter']);
  });

  test('is loaded by ARN, in the region of the ARN', async () => {
    const elsewhere = new SSMClient({ endpoint: moto.endpoint, region: 'us-west-2' });
    await elsewhere.send(new PutParameterCommand({ Name: '/far/binding', Value: JSON.stringify(document), Type: 'String' }));
    elsewhere.destroy();
    expect((await load('ssm:arn:aws:ssm:us-west-2:123456789012:parameter/far/binding')).document).toEqual(document);
    expect((await refused(load('ssm:/far/binding'))).message).toContain('is not there');
  });

  test('fails if it is not there, is not JSON, or does not fit', async () => {
    await put('/odd/text', 'hunter2{');
    await put('/odd/shape', { ...document, schema: 'millrace.binding/2' });
    const [absent, text, shape] = await Promise.all(['/odd/absent', '/odd/text', '/odd/shape'].map((each) => refused(load(`ssm:${each}`))));
    expect(absent).toMatchObject({
      code: 'BINDING_INVALID',
      message: expect.stringMatching(/^binding parameter \/odd\/absent is not there/),
    });
    expect(text).toMatchObject({ code: 'BINDING_INVALID', message: 'binding from parameter /odd/text is not JSON (8 characters)' });
    expect(shape).toMatchObject({
      code: 'BINDING_INVALID',
      message: expect.stringContaining('binding from parameter /odd/shape has 1 problem'),
    });
  });

  test('fails if it has relative paths, naming every one', async () => {
    const secured = {
      ...cache,
      tls: { caRef: { from: 'file', id: 'tls/ca.pem' } },
      auth: { mode: 'password', secretRef: { from: 'file', id: '/run/secrets/cache' } },
    };
    await put('/odd/relative', {
      ...document,
      services: { cache: secured },
      topology: { hash: 'a'.repeat(64), location: 'topology.json' },
    });
    const error = await refused(load('ssm:/odd/relative'));
    expect(error.code).toBe('BINDING_INVALID');
    expect(error.message).toContain('services.cache.tls.caRef.id "tls/ca.pem", topology.location "topology.json"');
    expect(error.message).not.toContain('/run/secrets');
  });

  test('fails if the region is nowhere set', async () => {
    const { AWS_REGION, ...rest } = process.env;
    process.env = { ...rest, AWS_CONFIG_FILE: '/dev/null' };
    try {
      expect((await refused(load('ssm:/millrace/test/binding'))).message).toContain('no AWS region is set; set AWS_REGION');
    } finally {
      process.env = { ...rest, AWS_REGION };
    }
  });
});

describe('a topology in S3', () => {
  const text = canonicalJson({
    schema: 'millrace.topology/1',
    topics: { orders: { transports: [{ kind: 'redis-streams', service: 'events' }] } },
  });
  const hash = createHash('sha256').update(text).digest('hex');
  const bucket = 'millrace-test-documents';
  const at = (location: string, meant = hash) => {
    const { document } = wrap({ cache });
    return readTopology({ document: { ...document, topology: { hash: meant, location } }, baseDir: '/' });
  };
  const put = (Key: string, Body: string | Buffer) => objects.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));

  beforeAll(async () => {
    const CreateBucketConfiguration = { LocationConstraint: 'eu-central-1' } as const;
    await objects.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }));
  });

  test('is read and compared with its hash', async () => {
    await put(`topology/${hash}.json`, text);
    expect((await at(`s3://${bucket}/topology/${hash}.json`)).topics.orders).toMatchObject({ shards: 1, ordered: true });
    expect(gate.asked).toEqual([`GET /${bucket}/topology/${hash}.json`]);
  });

  test('fails if it differs from the hash', async () => {
    await put('changed.json', `${text} `);
    const error = await refused(at(`s3://${bucket}/changed.json`));
    expect(error).toMatchObject({ code: 'BINDING_INVALID', message: expect.stringContaining(`the binding means ${hash}`) });
  });

  test('fails if object or bucket are not there', async () => {
    for (const address of [`s3://${bucket}/absent.json`, 's3://millrace-absent/topology.json']) {
      const error = await refused(at(address));
      expect(error).toMatchObject({ code: 'BINDING_INVALID', retriable: false });
      expect(error.message).toContain(`topology at ${address} is not there`);
    }
  });

  test('fails if it is too large to be a topology', async () => {
    await put('large.json', Buffer.alloc(4 * 1_024 * 1_024 + 1, ' '));
    expect((await refused(at(`s3://${bucket}/large.json`))).message).toContain('is larger than 4194304 bytes');
  });
});
