import { prometheusName, type SignalName } from '../../runtime/src/contracts/signals.ts';
import type { AlertRow } from '../row.ts';
import { rabbitQueueRows } from './rabbitmq-queues.ts';

const memoryAlarm =
  'https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/troubleshooting-action-required-codes-rabbitmq-memory-alarm.html';
const diskAlarm =
  'https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/troubleshooting-action-required-codes-disk-limit-alarm.html';
const metrics = 'https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-logging-monitoring.html';
const limits = 'https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-resource-limits-configuration.html';
const running: SignalName = 'rabbitmq.node.running';

/**
 * The broker and its nodes, the worst of which decides. An alarm has room for one query of CloudWatch, so what a node uses is compared with the limit that
 * AWS names for its type, not with the metric of it.
 */
const rabbitNodeRows: readonly AlertRow[] = [
  {
    id: 'rabbitmq-alarm',
    subject: 'rabbitmq',
    title: 'RabbitMQ takes nothing from publishers, for want of memory or disk',
    unit: '1',
    comparison: '>',
    levels: { critical: { threshold: 0, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: 'rabbitmq.alarms', periodSeconds: 60 }],
    prometheus: { signal: 'rabbitmq.alarms' },
    why: 'No task is queued, on any node: what users ask for waits or fails in the services that publish, until consumers have made room.',
    source: 'https://www.rabbitmq.com/docs/alarms',
  },
  {
    id: 'rabbitmq-memory',
    subject: 'rabbitmq',
    title: 'RabbitMQ has used most of the memory that it may use',
    unit: '1',
    comparison: '>',
    // At the limit rabbitmq-alarm wakes somebody up; memory gets there within a minute, so that a level in between is one more call for the same.
    levels: { warning: { threshold: 0.8, forSeconds: 300 } },
    missing: 'as-before',
    cloudWatch: [
      { of: 'amazon-mq', metric: 'RabbitMQMemUsed', periodSeconds: 60, shareOf: 'memoryLimitBytes' },
      { of: 'probe', signal: 'rabbitmq.memory.used_ratio', periodSeconds: 60 },
    ],
    prometheus: { signal: 'rabbitmq.memory.used_ratio' },
    why: 'At the limit of one node the whole broker stops reading from publishers, within minutes when consumers are away.',
    source: memoryAlarm,
  },
  {
    id: 'rabbitmq-disk',
    subject: 'rabbitmq',
    title: 'RabbitMQ is running out of disk',
    unit: '1',
    comparison: '<',
    levels: { warning: { threshold: 1.5, forSeconds: 300 }, critical: { threshold: 1.2, forSeconds: 60 } },
    missing: 'as-before',
    cloudWatch: [
      { of: 'amazon-mq', metric: 'RabbitMQDiskFree', periodSeconds: 60, shareOf: 'diskFreeLimitBytes' },
      { of: 'probe', signal: 'rabbitmq.disk.free_ratio', periodSeconds: 60 },
    ],
    prometheus: { signal: 'rabbitmq.disk.free_ratio' },
    why: 'At the limit the broker stops reading from publishers, and only consumers make room.',
    source: `${diskAlarm}; of our own: at size medium nodes (mq.m7g.medium) have 5 GB and a limit of 2 GiB, where twice the limit would ring on an empty disk`,
  },
  {
    id: 'rabbitmq-node-down',
    subject: 'rabbitmq',
    title: 'A RabbitMQ node does not run',
    unit: '1',
    comparison: '<',
    levels: { warning: { threshold: 1, forSeconds: 300 }, critical: { threshold: 0.5, forSeconds: 60 } },
    missing: 'fine',
    // The probe tells CloudWatch the least of its nodes: how many are down, it does not say.
    cloudWatch: [{ of: 'probe', signal: running, periodSeconds: 60, levels: { warning: { threshold: 1, forSeconds: 300 } } }],
    prometheus: { expression: `avg by (service) (${prometheusName(running)}{service=~"$services"})`, by: ['service'] },
    why: 'With one of three nodes away tasks go on; with two, queues have no majority: nothing is confirmed and nothing delivered.',
    source: 'https://www.rabbitmq.com/docs/quorum-queues#quorum-requirements',
  },
  {
    id: 'rabbitmq-cpu',
    subject: 'rabbitmq',
    title: 'A RabbitMQ node is short of processor time',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [{ of: 'amazon-mq', metric: 'SystemCpuUtilization', periodSeconds: 300, scale: 100 }],
    why: 'Confirms and deliveries get slow, tasks of users wait longer; a node that is too slow for the others counts as lost.',
    source: metrics,
  },
  {
    id: 'rabbitmq-file-descriptors',
    subject: 'rabbitmq',
    title: 'A RabbitMQ node has nearly all the files and sockets open that it may',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300 } },
    missing: 'fine',
    // Of Amazon MQ nobody says what the limit is; there connections are limited first, and watched.
    prometheus: { signal: 'rabbitmq.file_descriptors.used_ratio' },
    why: 'At the limit no client gets in any more, and queues cannot open their files: tasks fail.',
    source: 'https://www.rabbitmq.com/docs/production-checklist#resource-limits-file-handle-limit',
  },
  {
    id: 'rabbitmq-connections',
    subject: 'rabbitmq',
    title: 'RabbitMQ has nearly as many connections as it takes',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'amazon-mq', metric: 'ConnectionCount', periodSeconds: 60, shareOf: 'connections' }],
    why: 'At the limit the next service that starts is refused, for example the new version in a deployment.',
    source: limits,
  },
  {
    id: 'rabbitmq-channels',
    subject: 'rabbitmq',
    title: 'RabbitMQ has nearly as many channels as it takes',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.8, forSeconds: 300 } },
    missing: 'fine',
    cloudWatch: [{ of: 'amazon-mq', metric: 'ChannelCount', periodSeconds: 60, shareOf: 'channels' }],
    why: 'At the limit services that are connected can open no further publisher or consumer, so their tasks stand still.',
    source: limits,
  },
  {
    id: 'rabbitmq-confirms-behind',
    subject: 'rabbitmq',
    title: 'RabbitMQ confirms fewer messages than it is sent',
    unit: '1',
    comparison: '>',
    levels: { warning: { threshold: 0.2, forSeconds: 900 } },
    missing: 'fine',
    cloudWatch: [
      {
        ...{ of: 'amazon-mq', expression: 'IF(sent > 1, (sent - confirmed) / sent, 0)', periodSeconds: 300 },
        metrics: { sent: 'PublishRate', confirmed: 'ConfirmRate' },
      },
    ],
    why: 'Publishers of ours wait for each confirm, so what users ask for gets slow, then fails after `confirmTimeoutMs`.',
    source: metrics,
  },
];

/** RabbitMQ: what waits in its queues first, then the broker. */
export const rabbitRows: readonly AlertRow[] = [...rabbitQueueRows, ...rabbitNodeRows];
