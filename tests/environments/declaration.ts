import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { isMillraceError } from '../../runtime/src/contracts/errors.ts';

type Services = NonNullable<EnvironmentInput['services']>;
type TopologyInput = NonNullable<EnvironmentInput['topology']>;
type Topic = NonNullable<TopologyInput['topics']>[string];

/** Smallest declaration with a service of each kind that AWS provides. */
export function minimal(): EnvironmentInput & { services: NonNullable<EnvironmentInput['services']> } {
  return {
    name: 'trial',
    engine: { kind: 'aws', account: '123456789012', region: 'eu-central-1', network: { kind: 'own', cidr: '10.1.0.0/16' } },
    size: 'small',
    services: {
      cache: { kind: 'redis', role: 'cache' },
      events: { kind: 'redis-sentinel', role: 'events' },
      log: { kind: 'kafka', role: 'log' },
      tasks: { kind: 'rabbitmq', role: 'tasks' },
      search: { kind: 'opensearch', role: 'search' },
    },
  };
}

/** Lines of the refusal, without the heading; none when the declaration is accepted. */
export function refusal(input: unknown): string[] {
  try {
    parseEnvironment(input);
    return [];
  } catch (error) {
    if (!isMillraceError(error, 'ENVIRONMENT_INVALID')) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace('  - ', ''));
  }
}

export const withServices = (services: Services) => ({ ...minimal(), services: { ...minimal().services, ...services } });
export const withTopology = (topology: TopologyInput) => ({ ...minimal(), topology });
export const onStreams: Topic = { transports: [{ kind: 'redis-streams', service: 'events' }] };
export const withTopic = (topic: Partial<Topic>) => withTopology({ topics: { paid: { ...onStreams, ...topic } } });
export const withEngine = (engine: object) => ({ ...minimal(), engine: { ...minimal().engine, ...engine } });
