export { type DownOptions, type DownResult, down } from './down.ts';
export type { Progress } from './progress.ts';
export { type ServerStatus, type StatusOptions, type StatusResult, status } from './status.ts';
export { type UpOptions, type UpResult, up } from './up.ts';
