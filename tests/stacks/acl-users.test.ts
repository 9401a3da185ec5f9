import { type EnvironmentInput, parseEnvironment } from '../../environments/schema.ts';
import { staging } from '../../environments/staging.ts';
import { referenceTopology } from '../../environments/topology.ts';
import { bindingFragment } from '../../runtime/src/contracts/binding.ts';
import { aclRulesOf } from '../../runtime/src/contracts/redis-acl.ts';
import { planOf } from '../../stacks/app.ts';
import { inTemporaryFolder, Template } from '../support/template.ts';

type Services = NonNullable<EnvironmentInput['services']>;
type Plan = Readonly<Record<'cache' | 'messaging' | 'topology', Template>>;

/** The plan of an environment with `services`, whose users may also read `further` topics. */
function plan(services: Services, further: readonly string[] = []): Plan {
  const reference = referenceTopology(services, 'aws');
  const more = further.map((name) => [name, { ...reference.topics!.notifications!, isolation: 'shared' as const }] as const);
  const users = Object.entries(reference.aclUsers!).map(
    ([name, user]) => [name, { ...user, topics: [...user.topics, ...further] }] as const,
  );
  const topology = { ...reference, topics: { ...reference.topics, ...Object.fromEntries(more) }, aclUsers: Object.fromEntries(users) };
  const environment = parseEnvironment({ ...staging, services, topology, workers: {} });
  return inTemporaryFolder((outDir) => {
    planOf({ environments: [environment], state: { kind: 'local' }, outDir }).app.synth();
    const read = (part: string) => Template.read(outDir, `staging-${part}`);
    return { cache: read('cache'), messaging: read('messaging'), topology: read('topology') };
  });
}

const onMachines: Services = { events: { kind: 'redis-sentinel', role: 'events' } };
const onElastiCache: Services = { events: { kind: 'redis', role: 'events' } };
const names = ['audit', 'emails', 'gateway', 'inventory', 'janitor', 'probe', 'relay', 'search'];
const { topology } = parseEnvironment({ ...staging, services: onMachines, topology: referenceTopology(onMachines, 'aws'), workers: {} });

const policyNames = (template: Template) => template.all('aws_iam_policy').map(({ name }) => name);
const administering = (template: Template) => template.one('aws_iam_role_policy', { name: 'administer-events' }).policy as string;

describe('on machines with Redis Sentinel', () => {
  const { messaging, topology: after } = plan(onMachines);

  test('each user has a password, a policy that reads it and no other, and a place in the binding', () => {
    const { events } = bindingFragment.parse(messaging.outputs().binding_fragment);
    expect(Object.keys(events?.users ?? {}).sort()).toEqual(names);
    expect(policyNames(messaging)).toEqual(expect.arrayContaining(names.map((name) => `staging-events-connect-${name}`)));
    const policy = messaging.one('aws_iam_policy', { name: 'staging-events-connect-emails' }).policy as string;
    expect(policy).toContain('events_Secrets_user-emails_');
    expect(policy).not.toMatch(/Secrets_(app|apply|replication|user-(?!emails))/);
    expect(messaging.outputs()).toHaveProperty('events_connect_emails_policy_arn');
  });

  test('apply alone reads the password of whoever sets users', () => {
    const secret = /events_Secrets_apply_/;
    expect(administering(after)).toMatch(/apply/);
    const policies = messaging.all('aws_iam_policy').filter(({ policy }) => secret.test(policy as string));
    expect(policies.map(({ name }) => name)).toEqual(['staging-events-administer']);
  });

  test('machines find the rules where the topology leaves them, without any password', () => {
    const { key, content } = after.one('aws_s3_object', { key: 'redis-users/events.json' });
    expect(messaging.text).toContain(`/${key}'`);
    expect(JSON.parse(content as string)).toEqual(Object.fromEntries(names.map((name) => [name, aclRulesOf(topology, name).join(' ')])));
  });

  test('one more topic changes what users may do, and nothing of machines, secrets or rights', () => {
    const changed = plan(onMachines, ['returns']);
    expect(changed.topology.one('aws_s3_object', { key: 'redis-users/events.json' }).content).toContain('stream:{returns:0}');
    expect(changed.messaging.text).toBe(messaging.text);
  });
});

describe('on ElastiCache', () => {
  const { cache, topology: after } = plan(onElastiCache);
  const user = (template: Template, name: string) => template.one('aws_elasticache_user', { user_id: `staging-events-${name}` });

  test('the plan makes each user with its rules, and a policy to connect as it', () => {
    for (const name of names) {
      expect(user(cache, name)).toMatchObject({
        user_name: `staging-events-${name}`,
        access_string: `on ${aclRulesOf(topology, name).join(' ')}`,
        authentication_mode: { type: 'iam' },
      });
      expect(cache.outputs()).toHaveProperty(`events_connect_${name}_policy_arn`);
    }
    const { events } = bindingFragment.parse(cache.outputs().binding_fragment);
    expect(events?.auth.username).toBe('staging-events-app');
    expect(events?.users?.emails).toEqual({ mode: 'iam', username: 'staging-events-emails' });
    expect(events?.administration).toEqual({ usersFrom: 'plan' });
  });

  test('apply may log in as each of them, to see that it can', () => {
    const { Statement } = JSON.parse(cache.one('aws_iam_policy', { name: 'staging-events-administer' }).policy as string);
    expect(Statement[0]).toMatchObject({ Action: 'elasticache:Connect' });
    expect(Statement[0].Resource).toHaveLength(1 + 1 + names.length);
    expect(administering(after)).toContain('elasticache:Connect');
  });

  test('one more topic changes rules of users, and no server', () => {
    const changed = plan(onElastiCache, ['returns']).cache;
    expect(user(changed, 'emails').access_string).toContain('stream:{returns:0}');
    const withoutUsers = ({ text }: Template) => {
      const { resource, ...rest } = JSON.parse(text) as { resource: Record<string, unknown> };
      return { ...rest, resource: { ...resource, aws_elasticache_user: undefined } };
    };
    expect(withoutUsers(changed)).toEqual(withoutUsers(cache));
  });
});
