import type { Protocol } from './asker.ts';

/** Of two inner modules of kafkajs: how a request is written, and how the answer to it is read. */
export function protocolOf<Options, Answer>(request: unknown, response: unknown): Protocol<Options, Answer> {
  type Exported<T> = { readonly default: T };
  return {
    request: (request as Exported<Protocol<Options, Answer>['request']>).default,
    decode: (response as Exported<Pick<Protocol<Options, Answer>, 'decode'>>).default.decode,
  };
}
