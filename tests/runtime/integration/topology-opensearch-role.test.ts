import { assumedRole } from '../../../runtime/src/aws/assumed-role.ts';
import { type Moto, startMoto } from '../../support/moto.ts';
import { type AwsGate, startAwsGate } from '../support/aws-gate.ts';

const roleArn = 'arn:aws:iam::123456789012:role/search-administrator';

let moto: Moto;
let gate: AwsGate;
let before: NodeJS.ProcessEnv;

beforeAll(async () => {
  moto = await startMoto();
  gate = await startAwsGate(moto.endpoint);
  before = { ...process.env };
  Object.assign(process.env, moto.env, { AWS_ENDPOINT_URL: gate.endpoint, AWS_MAX_ATTEMPTS: '1' });
}, 60_000);
afterAll(async () => {
  process.env = before;
  await gate?.close();
  await moto?.stop();
});
beforeEach(() => {
  gate.asked.length = 0;
  gate.trouble = undefined;
});

test('the role is assumed once, for all requests of an apply', async () => {
  const provider = await assumedRole(roleArn, 'eu-central-1');
  expect(gate.asked).toEqual([]);
  const all = await Promise.all([provider(), provider(), provider()]);
  expect(await provider()).toEqual(all[0]);
  expect(gate.asked).toHaveLength(1);
  expect(all[0]).toMatchObject({ accessKeyId: expect.stringMatching(/^ASIA/), sessionToken: expect.any(String) });
  expect(all[0]!.accessKeyId).not.toBe(moto.env.AWS_ACCESS_KEY_ID);
  const minutes = (all[0]!.expiration!.getTime() - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(13);
  expect(minutes).toBeLessThan(16);
});

test('fails if the role may not be assumed, and tries again with the next request', async () => {
  const provider = await assumedRole(roleArn, 'eu-central-1');
  gate.trouble = { status: 403, name: 'AccessDenied' };
  await expect(provider()).rejects.toMatchObject({ code: 'AWS_CREDENTIALS_UNAVAILABLE' });
  gate.trouble = undefined;
  expect(await provider()).toMatchObject({ accessKeyId: expect.stringMatching(/^ASIA/) });
});
