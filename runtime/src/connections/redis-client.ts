import type * as Ioredis from 'ioredis';
import { isMillraceError, MillraceError } from '../contracts/errors.ts';
import { redisError, replyCode, withoutSecrets } from './redis-errors.ts';

/** What a client needs to know to speak in sentences. */
export interface ClientContext {
  readonly where: string;
  /** Deadline of a command; undefined lets it wait as long as the socket lives. */
  readonly commandTimeoutMs: number | undefined;
  /** Why commands are refused at present, such as a closed handle or an evicting server. */
  refusal: MillraceError | undefined;
  /** The latest error of the connection itself: why it is down, when it is. */
  lastError: Error | undefined;
}

type SendCommand = Ioredis.Redis['sendCommand'];
type Command = Parameters<SendCommand>[0];

/**
 * ioredis with a deadline per command and errors that carry a code.
 *
 * ioredis rejects timeouts and lost connections with plain errors that only differ in their text. Wrapping `resolve` and `reject` of each command as it
 * is sent is what tracing libraries do as well; it costs one timer a command, as `commandTimeout` of ioredis does.
 */
export function guardedClient(
  { Redis }: typeof Ioredis,
  options: Omit<Ioredis.RedisOptions, 'replyMapping'>,
  context: ClientContext,
): Ioredis.Redis {
  const guarded = new WeakSet<Command>();
  class GuardedRedis extends Redis {
    override sendCommand(...[command, stream]: Parameters<SendCommand>): unknown {
      if (!guarded.has(command)) {
        guarded.add(command);
        guard(command, context, this);
      }
      // While the status is `connect` ioredis itself is speaking: AUTH, CLIENT, INFO.
      if (context.refusal !== undefined && this.status !== 'connect' && command.name !== 'quit') {
        command.reject(context.refusal);
        return command.promise;
      }
      return stream === undefined ? super.sendCommand(command) : super.sendCommand(command, stream);
    }
  }
  return new GuardedRedis(options);
}

function guard(command: Command, context: ClientContext, client: Ioredis.Redis): void {
  const { resolve, reject } = command;
  const sentWhileReady = client.status === 'ready';
  const timer = context.commandTimeoutMs === undefined ? undefined : setTimeout(expire, context.commandTimeoutMs);
  function expire(): void {
    const text = `${context.where} did not answer ${command.name.toUpperCase()} within ${context.commandTimeoutMs} ms`;
    reject(new MillraceError('CONNECTION_TIMEOUT', text));
  }
  command.resolve = (result) => {
    clearTimeout(timer);
    resolve(result);
  };
  command.reject = (error) => {
    clearTimeout(timer);
    const isUp = client.status === 'ready' && client.stream.writable;
    reject(explain(withoutSecrets(error), command.name, context, isUp, sentWhileReady));
  };
}

/** Errors of the client itself are the caller's while the connection is up (a command that does not fit its mode); otherwise they tell of the connection. */
function explain(error: Error, command: string, context: ClientContext, isUp: boolean, sentWhileReady: boolean): Error {
  if (isMillraceError(error)) return error;
  if (replyCode(error) !== undefined) return redisError(error, context.where);
  if (context.refusal !== undefined) return context.refusal;
  if (isUp) return error;
  const text = sentWhileReady
    ? `connection to ${context.where} was lost while ${command.toUpperCase()} was in flight; whether it took effect is not known`
    : `connection to ${context.where} is down${context.lastError === undefined ? '' : `: ${context.lastError.message}`}`;
  return new MillraceError('CONNECTION_FAILED', text, { cause: error });
}
