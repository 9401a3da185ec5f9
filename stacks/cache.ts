import { ElastiCache } from '../constructs/aws/elasticache/index.ts';
import { ElastiCacheServerless } from '../constructs/aws/elasticache-serverless/index.ts';
import type { Construct } from '../constructs/core/framework.ts';
import { cacheUsersOf, probeUserOf } from './acl-users.ts';
import type { Offer } from './offers.ts';
import { overridesOf, type ServerPlan, ServerStack, type ServerStackProps } from './server-stack.ts';

/** A cache of either form: with nodes, or without. */
type Cache = ElastiCache | ElastiCacheServerless;

const plan: ServerPlan<'redis', Cache> = {
  define(scope, { declaration, topology, props }) {
    const all = { ...props, ...overridesOf(declaration), users: cacheUsersOf(topology, props.service) };
    return declaration.overrides?.serverless === undefined
      ? new ElastiCache(scope, props.service, all)
      : new ElastiCacheServerless(scope, props.service, all);
  },
  alarmTarget: (cache) => cache.alarmTarget(),
  watchStatements: (cache) => cache.connectStatements(probeUserOf(cache.attributes.users)),
  /** One a user, of which that of the user in the binding carries no name; and one as each of several, which is what apply has. */
  offers(cache) {
    const { service, users } = cache.attributes;
    const [bound, ...others] = users;
    const offer = (user: string, name: readonly string[], who: string): Offer => ({
      name: ['connect', ...name],
      description: `connect to ${service} as ${who}`,
      statements: cache.connectStatements(user),
    });
    const all = { name: ['administer'], description: `log in to ${service} as each of its users`, statements: cache.adminStatements() };
    return [
      offer(bound.name, [], 'its user in the binding'),
      ...others.map(({ name }) => offer(name, [name], name)),
      ...(others.length === 0 ? [] : [all]),
    ];
  },
};

/** Every cache of an environment: a replication group a service, or a serverless cache where the declaration says so. */
export class CacheStack extends ServerStack<'redis', Cache> {
  constructor(scope: Construct, props: ServerStackProps<'redis'>) {
    super(scope, 'cache', props, plan);
  }
}
