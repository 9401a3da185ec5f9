import { grantToRole } from '../../constructs/aws/foundation/grant.ts';
import { Worker } from '../../constructs/aws/worker/index.ts';
import { workerMetrics } from '../../constructs/aws/worker/metrics.ts';
import type { WorkerAttributes } from '../../constructs/aws/worker/props.ts';
import type { WorkerReference } from '../../constructs/aws/worker/reference.ts';
import { Template } from '../support/template.ts';
import { allow, define } from './worker.ts';

const imported: WorkerAttributes = {
  name: 'relay',
  clusterName: 'theirs',
  serviceName: 'their-relay',
  securityGroupId: 'sg-theirs',
  taskRoleName: 'their-relay-role',
};
const importing = (use: (worker: WorkerReference) => void) => Template.of((stack) => use(Worker.fromAttributes(stack, 'relay', imported)));

test('a worker that someone else keeps adds nothing', () => {
  expect(importing(() => undefined).counts()).toEqual({});
});

test('a worker is granted to like a role', () => {
  const template = importing((worker) => void grantToRole(worker, 'More', { grantee: worker, name: 'more', statements: allow('more') }));
  expect(template.one('aws_iam_role_policy')).toMatchObject({ name: 'more', role: 'their-relay-role' });
});

test('its own role is the one of the program', () => {
  const template = define({}, (worker) => void grantToRole(worker, 'More', { grantee: worker, name: 'more', statements: allow('more') }));
  expect(template.one('aws_iam_role_policy', { name: 'more' }).role).toContain('aws_iam_role.relay_Role_');
});

test('whoever is allowed to reaches its metrics, over one port', () => {
  const template = importing((worker) => worker.connections.allowFrom('Probe', { securityGroupId: 'sg-probe' }));
  const rule = { from_port: 8080, to_port: 8080, description: 'health and metrics' };
  expect(template.one('aws_vpc_security_group_ingress_rule')).toMatchObject({
    ...rule,
    security_group_id: 'sg-theirs',
    referenced_security_group_id: 'sg-probe',
  });
  expect(template.one('aws_vpc_security_group_egress_rule')).toMatchObject({ ...rule, security_group_id: 'sg-probe' });
});

test('a metric is of the service in its cluster', () => {
  importing((worker) => {
    const dimensions = { ClusterName: 'theirs', ServiceName: 'their-relay' };
    expect(worker.metric('CPUUtilization')).toEqual([{ namespace: 'AWS/ECS', metricName: 'CPUUtilization', dimensions }]);
    expect(worker.metric('RunningTaskCount')).toEqual([{ namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions }]);
  });
  define({}, (worker) =>
    expect(worker.metric('CPUUtilization')[0]?.dimensions).toEqual({ ClusterName: 'test-workers', ServiceName: 'test-worker-relay' }),
  );
  expect(workerMetrics.RunningTaskCount.statistic).toBe('Minimum');
});
