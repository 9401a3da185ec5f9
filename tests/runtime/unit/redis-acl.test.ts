import { referenceTopology } from '../../../environments/topology.ts';
import { aclRulesOf } from '../../../runtime/src/contracts/redis-acl.ts';
import { topologySchema } from '../../../runtime/src/contracts/topology.ts';
import { canonicalRights, rightsOf, type ServerCommand } from '../../../runtime/src/topology/drivers/redis/rules.ts';
import { topologyOn } from '../support/topology-redis.ts';

const isolated = { isolation: 'tenant', consumers: [{ group: 'g' }] };
const rulesOf = (user: object, topics: Record<string, object> = { chat: isolated, paid: { shards: 2 } }) =>
  aclRulesOf(topologyOn(topics, { user }), 'user');
const keysOf = (rules: readonly string[]) => rules.filter((rule) => /^[~%]/.test(rule));

describe('the rules of an ACL user', () => {
  test('begin with nothing, and name every key of a publisher: streams, fences, registers', () => {
    const rules = rulesOf({ topics: ['paid', 'chat'], access: 'produce' });
    expect(rules.slice(0, 2)).toEqual(['-@all', 'resetchannels']);
    expect(keysOf(rules)).toEqual([
      '~stream:{paid:0}',
      '~stream:{paid:0}:fence',
      '~stream:{paid:1}',
      '~stream:{paid:1}:fence',
      '~tenant:{*}:stream:chat',
      '~tenant:{*}:stream:chat:fence',
      '%W~tenants:{chat}',
    ]);
  });

  test('of a group let it write nothing but what is its own', () => {
    const selector = rulesOf({ topics: ['paid'], groups: ['books'], access: 'consume' }).at(-1)!;
    expect(selector).toMatch(/^\(-@all .*\+xadd.*\)$/);
    expect(keysOf(selector.slice(1, -1).split(' ')).every((key) => key.endsWith(':books'))).toBe(true);
    const outside = rulesOf({ topics: ['paid'], groups: ['books'], access: 'consume' }).filter((rule) => !rule.startsWith('('));
    expect(outside).not.toEqual(expect.arrayContaining(['+xadd']));
    expect(outside).not.toEqual(expect.arrayContaining(['+del']));
  });

  test('of an observer let it read what tells how streams fare, and the entries of streams alone', () => {
    const rules = rulesOf({ topics: ['paid', 'chat'], access: 'observe' });
    const entries = rules.at(-1)!;
    const outside = rules.filter((rule) => !rule.startsWith('('));
    expect(keysOf(outside).every((key) => key.startsWith('%R~'))).toBe(true);
    expect(outside.filter((rule) => rule.startsWith('+')).sort()).toEqual(
      [
        ...['+client|setname', '+cluster|info', '+cluster|slots', '+exists', '+info', '+ping', '+readonly', '+scard', '+sscan', '+time'],
        ...['+xinfo|groups', '+xinfo|stream', '+xpending'],
      ].sort(),
    );
    expect(entries).toBe('(-@all %R~stream:{paid:0} %R~stream:{paid:1} %R~tenant:{*}:stream:chat +xrange)');
    expect(rules.filter((rule) => rule.startsWith('&'))).toEqual([]);
  });

  test('bound to a tenant name this tenant alone, and no register', () => {
    const rules = rulesOf({ topics: ['chat'], groups: ['g'], access: 'both', tenant: 'acme' });
    const words = rules.flatMap((rule) => rule.replace(/[()]/g, '').split(' ')).filter((word) => /^[~%&]/.test(word));
    expect(words.every((word) => /^[~&](tenant:\{acme\}:|consumers:\{chat\}:g:acme$)/.test(word))).toBe(true);
    expect(rules).not.toEqual(expect.arrayContaining(['+client|unblock']));
  });

  test.each(['consume', 'both', 'observe', 'admin'])(
    'with %s bound to a tenant fit no key of a tenant whose name goes on like one',
    (access) => {
      const rules = rulesOf({ topics: ['chat'], groups: ['g'], access, tenant: 'acme' });
      const words = rules.flatMap((rule) => rule.replace(/[()]/g, '').split(' '));
      expect(words.filter((word) => /^[~%&].*[*?[]/.test(word))).toEqual([]);
    },
  );

  test('of the operator of a tenant name what its declared groups keep', () => {
    const rules = rulesOf({ topics: ['chat'], access: 'admin', tenant: 'acme' });
    expect(keysOf(rules)).toEqual([
      '~tenant:{acme}:stream:chat',
      ...['fence', 'lease:g', 'fence:g', 'dead:g', 'blocked:g'].map((beside) => `~tenant:{acme}:stream:chat:${beside}`),
      '~consumers:{chat}:g:acme',
    ]);
  });

  test.each(['*', 'a*', 'a?', '[ab]', 'a\\b', 'a b', 'a}:stream:x', '', '(a', '~a'])(
    'fail for the tenant %j, whose name has a meaning',
    (tenant) => {
      expect(() => rulesOf({ topics: ['chat'], access: 'consume', tenant })).toThrow(
        expect.objectContaining({ code: 'ENVIRONMENT_INVALID', message: expect.stringMatching(/tenant must be of letters/) }),
      );
    },
  );

  test('fail for a user of one tenant with a topic that all share', () => {
    expect(() => rulesOf({ topics: ['paid'], access: 'consume', tenant: 'acme' })).toThrow(
      /is bound to tenant acme and has topic paid, which all tenants share/,
    );
  });

  test.each(['default', 'a b', '../x', ''])('fail for a user named %j', (name) => {
    expect(() => aclRulesOf(topologyOn({ chat: isolated }, { [name]: { topics: ['chat'], access: 'consume' } }), name)).toThrow(
      /must have a name of letters/,
    );
  });

  test('fail for a user that is not declared, with the names that are', () => {
    expect(() => aclRulesOf(topologyOn({}, { a: { topics: [], access: 'consume' } }), 'toString')).toThrow(
      'has no user "toString"; its users are a',
    );
  });

  test('leave out topics that do not travel over the service', () => {
    const rules = rulesOf(
      { topics: ['paid', 'elsewhere'], access: 'consume' },
      {
        paid: {},
        elsewhere: { transports: [{ kind: 'redis-streams', service: 'other' }] },
      },
    );
    expect(keysOf(rules)).toEqual(['~stream:{paid:0}']);
  });

  test('of the reference topology hold no rule that lists what others have', () => {
    const topology = topologySchema.parse(referenceTopology({ events: { kind: 'redis', role: 'events' } }, 'process'));
    const listing =
      /\+(@all|@read|@admin|@dangerous|@keyspace|keys|scan|randomkey|dbsize|monitor|client\|(list|kill)|client$|acl|config|slowlog|debug|pubsub)/;
    for (const name of Object.keys(topology.aclUsers)) expect(aclRulesOf(topology, name).filter((rule) => listing.test(rule))).toEqual([]);
  });
});

describe('rights in the words of a server and of a declaration', () => {
  const commands: ServerCommand[] = [
    { name: 'xadd', categories: ['@stream', '@write'], subcommands: [] },
    { name: 'xread', categories: ['@stream', '@read'], subcommands: [] },
    { name: 'flushall', categories: ['@dangerous'], subcommands: [] },
    {
      name: 'xgroup',
      categories: ['@slow'],
      subcommands: [
        { name: 'xgroup|create', categories: ['@stream'], subcommands: [] },
        { name: 'xgroup|destroy', categories: ['@stream'], subcommands: [] },
      ],
    },
  ];
  const canonical = (...words: string[]) => canonicalRights(rightsOf(words)[0], commands);

  test.each([
    [
      ['-@all', '+xadd', '+xread'],
      ['-@all', '+@stream', '-xgroup'],
    ],
    [
      ['-@all', '+xgroup'],
      ['-@all', '+@slow'],
    ],
    [
      ['-@all', '+xadd', '+xread', '+xgroup|create', '+xgroup|destroy'],
      ['-@all', '+@stream'],
    ],
    [
      ['~b', '~a', '%RW~c'],
      ['~a', '~b', '~c', '~c'],
    ],
    [['-@all', '+XADD'], ['+xadd']],
    [['+@all', '-@all', '+json.get'], ['+json.get']],
  ])('%j means %j', (a, b) => {
    expect(canonical(...a)).toBe(canonical(...b));
  });

  test.each([
    [['+xgroup|create'], ['+xgroup']],
    [
      ['+xadd', '-@all'],
      ['-@all', '+xadd'],
    ],
    [['%R~a'], ['~a']],
    [['&a'], []],
    [['+@all'], ['+@all', '-flushall']],
  ])('%j does not mean %j', (a, b) => {
    expect(canonical(...a)).not.toBe(canonical(...b));
  });
});
