import { hostname } from 'node:os';

/** What a process is called where nobody has given it a name: in consumer groups, lists of connections and histories of failures. */
export function processName(): string {
  return `${hostname()}-${process.pid}`;
}
