import { healthPort, type ResolvedWorker } from './resolve.ts';

/**
 * How long a worker may take to end after SIGTERM. Two minutes are the most on Fargate; a relay gives its lease back and closes within a few seconds, and
 * waits at most 10 s for statements that hang.
 */
const stopTimeoutSeconds = 60;

/** A tenth of a relay's memory; what is more is lost, where a full buffer would otherwise hold up whoever logs. */
const logBuffer = '4m';

/** Asks for liveness alone: a server that is away must not get a worker restarted. Images without a shell can run it. */
const healthCheck = {
  command: [
    'CMD',
    'node',
    '-e',
    `require('node:http').get('http://127.0.0.1:${healthPort}/live', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`,
  ],
  interval: 15,
  timeout: 5,
  retries: 3,
  startPeriod: 60,
};

/**
 * The container of a worker: whom it runs as and what it may, whatever its image says. It holds no secret; the program reads them itself.
 *
 * Empty lists are written because ECS answers with them, and the provider takes a missing one for a change.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
 */
export function containerOf({ image, command, region }: ResolvedWorker, logGroup: string) {
  return {
    name: 'millrace',
    image,
    command,
    essential: true,
    user: '10001:10001',
    readonlyRootFilesystem: true,
    privileged: false,
    linuxParameters: { capabilities: { add: [], drop: ['ALL'] }, initProcessEnabled: true },
    stopTimeout: stopTimeoutSeconds,
    healthCheck,
    portMappings: [{ containerPort: healthPort, hostPort: healthPort, protocol: 'tcp' }],
    logConfiguration: {
      logDriver: 'awslogs',
      options: {
        'awslogs-group': logGroup,
        'awslogs-region': region,
        'awslogs-stream-prefix': 'task',
        mode: 'non-blocking',
        'max-buffer-size': logBuffer,
      },
    },
    cpu: 0,
    environment: [],
    mountPoints: [],
    systemControls: [],
    volumesFrom: [],
  };
}
