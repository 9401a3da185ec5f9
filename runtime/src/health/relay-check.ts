import type { Relay, RelayStatus } from '../outbox/relay.ts';
import type { Beacon } from './beacons.ts';
import { type CheckOptions, checkIdentity, type Fault, type HealthCheck, outcomeOf } from './check.ts';

export interface RelayCheckOptions extends CheckOptions {
  /** Age of the oldest unpublished event above which the relay is `degraded`. @default 30_000 */
  readonly maxAgeMs?: number;
  /** Ids left before an insert finds no partition, below which the relay is `degraded`. @default 1_000_000 */
  readonly minHeadroom?: number;
}

/**
 * Looks at a relay of this process. What a broker or database outage does to it is `degraded`, never `down`: taking the process out of service would not
 * help, and the log keeps the events. It is `down` when it has ended.
 */
export function relayCheck(relay: Pick<Relay, 'status'>, options: RelayCheckOptions = {}): HealthCheck {
  const { maxAgeMs = 30_000, minHeadroom = 1_000_000 } = options;
  return {
    ...checkIdentity(options, `relay ${relay.status().sink}`),
    async check() {
      const status = relay.status();
      return outcomeOf(
        [...faultsOf(status, maxAgeMs), ...headroomFaults(status, minHeadroom)],
        [
          { measure: 'state', value: status.state },
          { measure: 'oldestUnpublishedAge', value: status.oldestUnpublishedAgeMs, unit: 'ms' },
          { measure: 'blockedKeys', value: status.blockedKeys, unit: '{key}' },
          ...(status.headroom === undefined ? [] : [{ measure: 'partitionHeadroom', value: status.headroom, unit: '{event}' }]),
        ],
      );
    },
  };
}

/** A beacon for `/live`: silent when the loop of the relay no longer turns. */
export function relayBeacon(relay: Pick<Relay, 'status'>, maxSilenceMs = 60_000): Beacon {
  return { name: `relay ${relay.status().sink}`, maxSilenceMs, silentForMs: () => relay.status().idleForMs };
}

function faultsOf({ state, oldestUnpublishedAgeMs, blockedKeys, lastError }: RelayStatus, maxAgeMs: number): Fault[] {
  const because = lastError === undefined ? '' : `: ${lastError}`;
  const faults: Fault[] = [];
  if (state === 'failed' || state === 'closed')
    faults.push({ status: 'down', code: 'RELAY_ENDED', reason: `the relay has ended (${state})${because}` });
  if (state === 'unreachable')
    faults.push({ status: 'degraded', code: 'CONNECTION_FAILED', reason: `the relay cannot reach its database${because}` });
  if (oldestUnpublishedAgeMs > maxAgeMs) {
    const reason = `the oldest unpublished event is ${oldestUnpublishedAgeMs} ms old${because}`;
    faults.push({ status: 'degraded', code: 'RELAY_LATE', reason });
  }
  if (blockedKeys > 0)
    faults.push({ status: 'degraded', code: 'RELAY_KEYS_HELD', reason: `${blockedKeys} keys are held back behind a failing event` });
  return faults;
}

function headroomFaults({ headroom }: RelayStatus, minHeadroom: number): Fault[] {
  if (headroom === undefined || headroom >= minHeadroom) return [];
  const remedy = 'the log of the relay says why none is made ahead; end the transaction that locks millrace.outbox, or call makePartitions';
  return [
    {
      status: 'degraded',
      code: 'PARTITIONS_SHORT',
      reason: `${headroom} events are left before inserts into the outbox fail for want of a partition: ${remedy}`,
    },
  ];
}
