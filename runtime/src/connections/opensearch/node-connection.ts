import { buffer } from 'node:stream/consumers';
import type * as Elastic from '@elastic/elasticsearch';
import type {
  ConnectionRequestOptions,
  ConnectionRequestOptionsAsStream,
  ConnectionRequestParams,
  ConnectionRequestResponse,
  ConnectionRequestResponseAsStream,
} from '@elastic/elasticsearch';
import { MillraceError } from '../../contracts/errors.ts';
import { once, settledWithin } from '../once.ts';
import type { Authorizer } from './authorizer.ts';

/** What the sockets to a node need to know. */
export interface NodeContext {
  readonly where: string;
  readonly authorizer: Authorizer;
  /** Whether bodies are signed, so that a stream has to be read before it is sent. */
  readonly signsBodies: boolean;
  readonly maxConnections: number;
  /** Longest silence within a body that is read as a stream. */
  readonly bodyTimeoutMs: number;
  /** Time that requests in flight get to finish when the sockets are closed. */
  graceMs(): number;
}

type Answer = ConnectionRequestResponse | ConnectionRequestResponseAsStream;
type RequestOptions = ConnectionRequestOptions & { asStream?: true };

/** AWS drops idle connections after a minute; the side that closes first does not write into a closed socket. */
const idleSocketMs = 30_000;

/** The most that OpenSearch accepts unless it is told otherwise (`http.max_content_length`). */
const maxSignedStreamBytes = 100 * 1024 * 1024;

/**
 * The stock connection to one node with what it lacks: credentials that are read again when refused, a deadline that holds to the end of the body, the
 * code of the error underneath, and an end that is bounded.
 */
export function nodeConnection(elastic: typeof Elastic, context: NodeContext): typeof Elastic.UndiciConnection {
  const { UndiciConnection, errors } = elastic;
  return class NodeConnection extends UndiciConnection {
    readonly #faults = new WeakMap<AbortSignal, unknown>();
    readonly #inFlight = new Set<Limit>();
    readonly #closeOnce = once(() => this.#end());

    constructor(options: ConstructorParameters<typeof UndiciConnection>[0]) {
      const agent = { connections: context.maxConnections, keepAliveTimeout: idleSocketMs, bodyTimeout: context.bodyTimeoutMs };
      super({ ...options, agent });
      this.#keepFaults();
    }

    override request(params: ConnectionRequestParams, options: ConnectionRequestOptions): Promise<ConnectionRequestResponse>;
    override request(
      params: ConnectionRequestParams,
      options: ConnectionRequestOptionsAsStream,
    ): Promise<ConnectionRequestResponseAsStream>;
    override async request(params: ConnectionRequestParams, options: RequestOptions): Promise<Answer> {
      const limit = new Limit(options.timeout ?? undefined, options.signal);
      this.#inFlight.add(limit);
      try {
        return await limit.within(this.#authorized(params, { ...options, timeout: null, signal: limit.signal }));
      } catch (error) {
        throw this.#explained(error, limit, options.timeout ?? 0);
      } finally {
        limit.end();
        this.#inFlight.delete(limit);
      }
    }

    override close(): Promise<void> {
      return this.#closeOnce();
    }

    async #authorized(params: ConnectionRequestParams, options: RequestOptions): Promise<Answer> {
      const body = context.signsBodies && isStream(params.body) ? await bounded(params.body) : params.body;
      const send = async (): Promise<{ answer: Answer; proof: Readonly<Record<string, string>> }> => {
        const request = { ...params, ...(body !== undefined && { body }) };
        const proof = await context.authorizer.headers(request, this.url);
        return { proof, answer: await super.request({ ...request, headers: { ...params.headers, ...proof } }, options) };
      };
      const { answer, proof } = await send();
      if (answer.statusCode !== 401 || isStream(body) || !(await context.authorizer.renewed(proof))) return answer;
      if (isStream(answer.body)) answer.body.destroy();
      return (await send()).answer;
    }

    /** The stock connection keeps the message of an error only; its code is what tells a lost connection from one that never was. */
    #keepFaults(): void {
      const send = this.pool.request.bind(this.pool);
      const remember = async (options: Parameters<typeof send>[0]): ReturnType<typeof send> => {
        try {
          return await send(options);
        } catch (error) {
          if (options.signal instanceof AbortSignal) this.#faults.set(options.signal, error);
          throw error;
        }
      };
      this.pool.request = remember as typeof send;
    }

    #explained(error: unknown, limit: Limit, timeoutMs: number): unknown {
      if (limit.cause === 'closed') return new MillraceError('CONNECTION_CLOSED', `connection to ${context.where} was closed meanwhile`);
      if (limit.cause === 'late') return new errors.TimeoutError(`no answer within ${timeoutMs} ms`);
      if (limit.cause === 'aborted') return new errors.RequestAbortedError('Request aborted');
      if (!(error instanceof errors.ConnectionError)) return error;
      const cause = this.#faults.get(limit.signal);
      return cause === undefined ? error : new errors.ConnectionError(error.message, undefined, { redaction: { type: 'replace' }, cause });
    }

    async #end(): Promise<void> {
      if (await settledWithin(this.pool.close(), context.graceMs())) return;
      for (const limit of this.#inFlight) limit.cut('closed');
      await settledWithin(this.pool.destroy(), 1_000);
    }
  };
}

/** Ends one request: at its deadline, when its caller gives up, or when the connection is closed. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.cut('aborted');
  cause: 'late' | 'aborted' | 'closed' | undefined;

  constructor(timeoutMs: number | undefined, caller: AbortSignal | undefined) {
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.cut('late'), timeoutMs);
    this.#caller = caller;
    if (caller?.aborted === true) this.#onAbort();
    caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cut(cause: NonNullable<Limit['cause']>): void {
    this.cause ??= cause;
    this.#controller.abort();
  }

  /** `work`, unless the limit comes first: reading a secret or signing does not look at signals. */
  within<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(resolve, reject);
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
      if (this.signal.aborted) reject(this.signal.reason);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}

function isStream(body: unknown): body is NodeJS.ReadableStream & { destroy(): void } {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}

/** The whole of a body that has to be signed. */
async function bounded(body: NodeJS.ReadableStream): Promise<Buffer> {
  return buffer(limited(body));
}

async function* limited(body: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxSignedStreamBytes) {
      throw new RangeError(`a signed body is at most ${maxSignedStreamBytes} bytes, got more; send it in parts`);
    }
    yield bytes;
  }
}
