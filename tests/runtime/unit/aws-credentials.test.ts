import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boundedProvider } from '../../../runtime/src/aws/credentials.ts';
import { isMillraceError } from '../../../runtime/src/contracts/errors.ts';

let folder: string;
let before: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-aws-'));
  before = { ...process.env };
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) delete process.env[name];
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
  });
  jest.resetModules();
});
afterEach(async () => {
  process.env = before;
  await rm(folder, { recursive: true });
});

/** As in a new process: the chain is kept for the life of one. */
async function found() {
  const { awsCredentials } = await import('../../../runtime/src/aws/credentials.ts');
  return (await awsCredentials())();
}

test('credentials are those of the variables', async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session' });
  expect(await found()).toMatchObject({ accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'session' });
});

test('credentials are those of a profile', async () => {
  await writeFile(join(folder, 'credentials'), '[orders]\naws_access_key_id = AKIDORDERS\naws_secret_access_key = secret\n');
  process.env.AWS_PROFILE = 'orders';
  expect(await found()).toMatchObject({ accessKeyId: 'AKIDORDERS' });
});

test('fails if there are none, saying what to do', async () => {
  const error: unknown = await found().catch((reason: unknown) => reason);
  expect(isMillraceError(error, 'AWS_CREDENTIALS_UNAVAILABLE')).toBe(true);
  expect(error).toMatchObject({ retriable: true, message: expect.stringMatching(/task role.*AWS_PROFILE.*AWS_ACCESS_KEY_ID/) });
});

test('fails if none come in time', async () => {
  const never = () => new Promise<never>(() => undefined);
  const error: unknown = await boundedProvider(never, 20)().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'AWS_CREDENTIALS_UNAVAILABLE', message: expect.stringContaining('none came within 20 ms') });
});
