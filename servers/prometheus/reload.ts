import { rmSync } from 'node:fs';
import { askSuccess, type HttpAddress } from '../local-process/ask-http.ts';
import { pollUntil, type ReadyOptions, startFailure } from '../local-process/ready.ts';

/** A Prometheus or Alertmanager that runs. */
export interface Reloadable {
  readonly server: { readonly name: string; readonly logFile: string };
  readonly address: HttpAddress;
  readonly configFile: string;
}

/**
 * Has it read its configuration again.
 *
 * @throws {MillraceError} SERVER_START_FAILED when it does not. Its file is gone then: the next `up` finds that it has changed, and tries again.
 */
export async function reload({ server, address, configFile }: Reloadable, options: ReadyOptions): Promise<void> {
  const refusal = await pollUntil(async (signal) => {
    await askSuccess(address, { path: '/-/reload', method: 'POST', signal });
  }, options);
  if (refusal === undefined) return;
  rmSync(configFile);
  throw startFailure(server, 'does not read its configuration again', refusal);
}
