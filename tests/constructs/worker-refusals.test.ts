import type { WorkerDeclaration } from '../../environments/schema.ts';
import { declaration, define, jobs, minimal, services, type Variation } from './worker.ts';

const { image } = declaration;
const { database: _, ...withoutDatabase } = services;

const refusals: readonly (readonly [what: string, variation: Variation, problem: string])[] = [
  [
    'names are too long together',
    { props: { name: 'a'.repeat(48) } },
    `environment and name together must be at most 58 lower-case letters, digits and hyphens, got "test-worker-${'a'.repeat(48)}"`,
  ],
  [
    'the image lies in a public registry',
    { declared: { image: 'node:22' } },
    'image must lie in ECR of the region, ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/NAME:TAG, got "node:22"',
  ],
  [
    'the image lies in another region',
    { declared: { image: image.replace('eu-central-1', 'eu-west-1') } },
    'image must lie in ECR of the region',
  ],
  ['the image is the latest', { declared: { image: image.replace(':0.1.0', ':latest') } }, 'image must have a fixed tag or a digest, got'],
  [
    'the memory is too little',
    { declared: { cpuUnits: 512 } },
    'memoryMiB must be 1024, or whole GiB up to 4096, with 512 cpuUnits, got 512',
  ],
  [
    'the memory is too much',
    { declared: { memoryMiB: 3_072 } },
    'memoryMiB must be 512, or whole GiB up to 2048, with 256 cpuUnits, got 3072',
  ],
  [
    'the memory is no whole GiB',
    { declared: { memoryMiB: 768 } },
    'memoryMiB must be 512, or whole GiB up to 2048, with 256 cpuUnits, got 768',
  ],
  [
    'nothing stands by in a protected environment',
    { declared: { tasks: 1 } },
    'tasks must be at least 2 where the environment protects against deletion, got 1: nothing would stand by',
  ],
  [
    'the network has one subnet',
    { props: { network: { ...minimal.network, privateSubnetIds: ['subnet-a'] } } },
    'the network must have private subnets in at least 2 zones, got 1',
  ],
  [
    'an argument is one of the construct',
    { declared: { arguments: ['--http-port=9', '--binding', 'mine.json'] } },
    'arguments must not hold --binding, --http-port, --http-host, got --http-port=9, --binding',
  ],
  [
    'there are two brokers to choose from',
    { props: { services: { ...services, jobs } } },
    'arguments: --sink must name one of events, jobs, got nothing',
  ],
  [
    'the sink is of another kind',
    { declared: { arguments: ['--sink', 'search'] } },
    'arguments: --sink must name one of events, got "search"',
  ],
  ['a flag has no value', { declared: { arguments: ['--sink'] } }, 'arguments: --sink must name one of events, got ""'],
  ['the sink is a cache', { declared: { arguments: ['--sink', 'cache'] } }, 'arguments: --sink must name one of events, got "cache"'],
  [
    'there is no database',
    { props: { services: withoutDatabase } },
    'arguments: --database must name a declared service of kind postgres, got nothing',
  ],
];

test.each(refusals)('fails if %s', (_what, variation, problem) => {
  expect(() => define(variation)).toThrow(
    expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringContaining(problem) }),
  );
});

test('all problems are named at once', () => {
  expect(() => define({ declared: { tasks: 0, memoryMiB: 1, image: 'x:latest' } })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^worker relay has 4 problems:\n/) }),
  );
});

test('each problem of the arguments counts', () => {
  expect(() => define({ props: { services: { ...withoutDatabase, jobs } } })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /^worker relay has 2 problems:\n {2}- arguments: --database must .+\n {2}- arguments: --sink must [^\n]+$/,
      ),
    }),
  );
});

test('where deletion is not protected one task will do, or none', () => {
  const identity = { deletionProtection: false };
  expect(define({ declared: { tasks: 0 }, identity }).one('aws_ecs_service')).toMatchObject({ desired_count: 0 });
});

test.each<[WorkerDeclaration['cpuUnits'], number[]]>([
  [256, [512, 1_024, 2_048]],
  [512, [1_024, 4_096]],
  [1_024, [2_048, 8_192]],
  [2_048, [4_096, 16_384]],
  [4_096, [8_192, 30_720]],
])('%s processor units go with %j MiB', (cpuUnits, memories) => {
  for (const memoryMiB of memories) {
    expect(define({ declared: { cpuUnits, memoryMiB } }).one('aws_ecs_task_definition').memory).toBe(`${memoryMiB}`);
  }
});
