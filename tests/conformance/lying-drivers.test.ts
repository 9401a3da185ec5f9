import type { Capabilities } from '../../runtime/src/transport.ts';
import { startTestRedis, type TestRedis } from '../support/servers.ts';
import type { Check } from './check.ts';
import type { TestedDriver } from './driver.ts';
import { prepare } from './ground.ts';
import { type Liar, liars, type RestartState, restartLiars } from './liars/index.ts';
import type { Lie } from './lies.ts';
import { redisDriver } from './redis-driver.ts';
import { checks } from './transport.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
}, 60_000);
afterAll(() => redis?.stop(), 30_000);

const everyLiar = [...liars, ...restartLiars];
const checkOf = (name: string): Check => checks.find((check) => check.name === name)!;

/** How long a check waits for what a liar never does; other liars are found out by what they do. */
const patienceOf = ({ foundOut }: Pick<Liar, 'foundOut'>): number =>
  /never|there are|gave up|lag|signal|handled/.test(foundOut.source) ? 3_000 : 15_000;

function lying(honest: TestedDriver, lie: Lie, topologyOf: Liar['topology']): TestedDriver {
  return {
    ...honest,
    open: async (topology, change) => {
      const transport = await honest.open(topologyOf?.(topology) ?? topology, change);
      return { ...transport, ...lie(transport) };
    },
  };
}

async function findOut(liar: Omit<Liar, 'lie'>, driver: TestedDriver): Promise<void> {
  const check = checkOf(liar.check);
  const carryOut = await prepare(driver, [check], `liar-${everyLiar.findIndex(({ does }) => does === liar.does)}`);
  await expect(carryOut(check)).rejects.toThrow(liar.foundOut);
}

test.concurrent.each(liars.map((liar) => [liar.check, liar.does, liar] as const))(
  'check %s fails for a driver that %s',
  async (_check, _does, liar) => {
    await findOut(liar, lying(redisDriver(redis, patienceOf(liar)), liar.lie(), liar.topology));
  },
);

test.each(restartLiars.map((liar) => [liar.check, liar.does, liar] as const))(
  'check %s fails for a driver that %s',
  async (_check, _does, liar) => {
    const restart: RestartState = { state: 'before' };
    const honest = redisDriver(redis, patienceOf(liar));
    const restarting: TestedDriver = {
      ...honest,
      async restart() {
        restart.state = 'away';
        await honest.restart();
        restart.state = 'after';
      },
    };
    await findOut(liar, lying(restarting, liar.lie(restart), undefined));
  },
);

test('every check and every capability has its liar', () => {
  const unproven = checks.filter(({ name }) => !everyLiar.some(({ check }) => check === name));
  expect(unproven.map(({ name }) => name)).toEqual([]);
  const capabilities: Record<keyof Capabilities, true> = {
    ...{ order: true, history: true, redelivery: true, groups: true },
    ...{ delay: true, fencing: true, blocking: true },
  };
  expect(new Set(checks.flatMap(({ capability }) => capability ?? []))).toEqual(new Set(Object.keys(capabilities)));
});
