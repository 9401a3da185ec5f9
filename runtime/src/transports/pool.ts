import { once } from '../connections/once.ts';
import { MillraceError } from '../contracts/errors.ts';
import type { Transport } from '../transport.ts';
import { openTransport } from './open.ts';
import type { TransportOptions } from './options.ts';

/** Transports by name, each opened when it is first asked for; `close()` closes all. */
export interface TransportPool extends AsyncDisposable {
  /** @throws {MillraceError} CONNECTION_CLOSED after `close()`; TRANSPORT_UNKNOWN, and what the driver throws: the next one who asks tries again. */
  to(name: string, service: TransportOptions['service']): Promise<Transport>;
  close(): Promise<void>;
}

/** @param options of every transport. */
export function openTransportPool(options: Omit<TransportOptions, 'service'>): TransportPool {
  const open = new Map<string, Promise<Transport>>();
  let closed = false;
  const close = once(async () => {
    closed = true;
    const opened = await Promise.allSettled(open.values());
    await Promise.all(opened.map((each) => (each.status === 'fulfilled' ? each.value.close() : undefined)));
  });
  return {
    async to(name, service) {
      if (closed) throw new MillraceError('CONNECTION_CLOSED', 'its transports are closed');
      const known = open.get(name);
      if (known !== undefined) return known;
      const opening = openTransport({ ...options, service });
      open.set(name, opening);
      opening.catch(() => open.delete(name));
      return opening;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
