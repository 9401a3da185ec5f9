import { defaultImages } from '../../environments/images.ts';
import type { Program } from '../find/program.ts';

/** Redis or Valkey; with `--sentinel` the same program is a sentinel. */
export const redisProgram: Program = {
  title: 'Redis 7 or Valkey',
  variable: 'MILLRACE_REDIS_SERVER',
  kind: 'file',
  names: ['redis-server', 'valkey-server'],
  folders: ['/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/opt/redis/bin'],
  debianPackage: 'redis-server',
  image: defaultImages.redis,
  versionArgs: ['--version'],
};
