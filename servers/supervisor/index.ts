export { down } from './down.ts';
export type { Progress } from './progress.ts';
export { status } from './status.ts';
export { up } from './up.ts';
