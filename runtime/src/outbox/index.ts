export { type EnqueueOptions, enqueue, type NewEvent } from './enqueue.ts';
