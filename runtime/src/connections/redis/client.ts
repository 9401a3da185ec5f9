import type * as Ioredis from 'ioredis';
import { isMillraceError, MillraceError } from '../../contracts/errors.ts';
import { redisError, replyCode, withoutSecrets } from './errors.ts';

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
export type Command = Parameters<SendCommand>[0];

/** What a command is sent over. */
export interface Line {
  readonly status: string;
  /** Whether an error that no server sent is the caller's own, because nothing is wrong with the connection. */
  isUp(): boolean;
  /** Why the server at its end is not to be used, where several share a context. */
  refusal?(): MillraceError | undefined;
}

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
  const guard = commandGuard(context);
  class GuardedRedis extends Redis implements Line {
    isUp(): boolean {
      return this.status === 'ready' && this.stream.writable;
    }
    override sendCommand(...[command, stream]: Parameters<SendCommand>): unknown {
      guard(command, this);
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

/** Gives each command a deadline and errors that carry a code, once, however often the client sends it. */
export function commandGuard(context: ClientContext): (command: Command, line: Line) => void {
  const guarded = new WeakSet<Command>();
  return (command, line) => {
    if (guarded.has(command)) return;
    guarded.add(command);
    guardCommand(command, context, line);
  };
}

/** While it connects ioredis asks for INFO itself, and prints on the console that it may not; the user can do without. */
export function forgiveInfo(command: Command, status: string): void {
  if (status !== 'connect' || command.name !== 'info') return;
  const { resolve, reject } = command;
  command.reject = (error) => (replyCode(error) === 'NOPERM' ? resolve('') : reject(error));
}

function guardCommand(command: Command, context: ClientContext, line: Line): void {
  const { resolve, reject } = command;
  const sentWhile = line.status;
  const timer = context.commandTimeoutMs === undefined ? undefined : setTimeout(expire, context.commandTimeoutMs);
  function expire(): void {
    const text = `${context.where} did not answer ${command.name.toUpperCase()} within ${context.commandTimeoutMs} ms`;
    reject(new MillraceError('CONNECTION_TIMEOUT', text));
  }
  command.resolve = (result) => {
    clearTimeout(timer);
    if (sentWhile === 'connect' && /^loading:1/m.test(String(result))) {
      context.lastError = new MillraceError('CONNECTION_FAILED', `${context.where} is still loading its data`);
    }
    resolve(result);
  };
  command.reject = (error) => {
    clearTimeout(timer);
    reject(explain(withoutSecrets(error), command.name, context, line, sentWhile === 'ready'));
  };
  forgiveInfo(command, sentWhile);
}

/** Errors of the client itself are the caller's while the connection is up (a command that does not fit its mode); otherwise they tell of the connection. */
function explain(error: Error, command: string, context: ClientContext, line: Line, sentWhileReady: boolean): Error {
  if (isMillraceError(error)) return error;
  if (replyCode(error) !== undefined) return redisError(error, context.where);
  const refusal = context.refusal ?? line.refusal?.();
  if (refusal !== undefined) return refusal;
  if (line.isUp()) return error;
  const text = sentWhileReady
    ? `connection to ${context.where} was lost while ${command.toUpperCase()} was in flight; whether it took effect is not known`
    : `connection to ${context.where} is down${context.lastError === undefined ? '' : `: ${context.lastError.message}`}`;
  return new MillraceError('CONNECTION_FAILED', text, { cause: error });
}
