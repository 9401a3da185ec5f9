import type { AlertRow } from '../row.ts';

/** Whoever watches: while they are silent, so are most other alerts. */
export const watcherRows: readonly AlertRow[] = [
  {
    id: 'probe-silent',
    subject: 'probe',
    title: 'The probe tells nothing',
    unit: '1',
    comparison: '<',
    // No value is below 0: only that there is none fires it, whether the probe, its way to here or one of its looks has ended.
    levels: { critical: { threshold: 0, forSeconds: 180 } },
    missing: 'trouble',
    cloudWatch: [{ of: 'probe', signal: 'probe.up', periodSeconds: 60, ofAllServices: true }],
    prometheus: { signal: 'probe.up' },
    why: 'Lag, dead letters and the outbox are watched by nobody: the next trouble of users is first told by users.',
    source: 'the probe looks every 10 to 15 s, on AWS every minute; three minutes are no restart any more',
  },
  {
    id: 'probe-service-unreachable',
    subject: 'probe',
    title: 'The probe cannot look at a service',
    unit: '1',
    comparison: '<',
    levels: { critical: { threshold: 1, forSeconds: 60 } },
    missing: 'fine',
    cloudWatch: [{ of: 'probe', signal: 'probe.up', periodSeconds: 60 }],
    prometheus: { signal: 'probe.up' },
    why: 'What the probe cannot reach, services probably cannot reach either: their requests fail or wait now.',
    source: 'a look has a time limit of its own; four in a row are no lost packet',
  },
  {
    id: 'probe-slow',
    subject: 'probe',
    title: 'A look of the probe takes long',
    unit: 's',
    comparison: '>',
    levels: { warning: { threshold: 5, forSeconds: 300 } },
    missing: 'fine',
    prometheus: { signal: 'probe.duration' },
    why: 'The service answers slowly to everybody, or has more topics and tenants than a look can hold: soon looks fail and alerts with them.',
    source: 'looks come every 10 to 15 s and may not take longer',
  },
];
