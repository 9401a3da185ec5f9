export { type EnqueueOptions, enqueue, type NewEvent } from './enqueue.ts';
export { type Relay, type RelayLogger, type RelayOptions, type RelayStatus, startRelay } from './relay.ts';
export type { RelayTimes } from './times.ts';
