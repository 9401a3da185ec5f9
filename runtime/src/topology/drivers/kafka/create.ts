import { isMillraceError } from '../../../contracts/errors.ts';
import { type ApplyContext, shown, shownAsDeclared } from './context.ts';
import { errorsOf, refusal, rootOf, typeOf } from './errors.ts';
import { type DeclaredTopic, declaredSettings } from './model.ts';

const brokersDefault = -1;
/** More make a request that the controller works on for longer than kafkajs waits. */
const topicsARequest = 50;

/** Creates one topic and waits until it is as declared. */
export async function create(context: ApplyContext, declared: DeclaredTopic): Promise<void> {
  const { options } = context;
  try {
    await request(context, [declared]);
  } catch (error) {
    // Somebody was faster, with another shape maybe: then it is not shown as declared.
    if (typeOf(rootOf(error)) !== 'TOPIC_ALREADY_EXISTS') throw refusal(error, options.service, declared.name);
  }
  await shownAsDeclared(context, declared);
}

/**
 * Creates topics, many with one request: one after the other, a few hundred take minutes.
 *
 * One that is refused is left, for whoever creates it alone to be told why.
 */
export async function createTogether(context: ApplyContext, declared: readonly DeclaredTopic[]): Promise<void> {
  const { connection } = context;
  for (let at = 0; at < declared.length; at += topicsARequest) {
    context.signal.throwIfAborted();
    const batch = declared.slice(at, at + topicsARequest);
    const refused = await refusedAmong(context, batch);
    const names = batch.map(({ name }) => name).filter((name) => !refused.has(name));
    await shown(context, `${names.length} new topics have leaders`, async () => {
      const { topics } = await connection.metadata(names);
      const led = topics.filter(({ errorCode, partitions }) => errorCode === 0 && partitions.every(({ leader }) => leader !== undefined));
      return led.length === names.length;
    });
  }
}

/** @throws {MillraceError} what keeps all of them from being created */
async function refusedAmong(context: ApplyContext, batch: readonly DeclaredTopic[]): Promise<Set<string>> {
  try {
    await request(context, batch);
    return new Set();
  } catch (error) {
    const errors = errorsOf(rootOf(error));
    if (errors.length > 0) return new Set(errors.flatMap((each) => (typeOf(each) === 'TOPIC_ALREADY_EXISTS' ? [] : [topicOf(each)])));
    const reason = refusal(error, context.options.service, batch[0]!.name);
    if (isMillraceError(reason) && reason.code.startsWith('CONNECTION_')) throw reason;
    return new Set(batch.map(({ name }) => name));
  }
}

function topicOf(error: unknown): string {
  return String((error as { topic?: unknown }).topic);
}

async function request({ connection }: ApplyContext, declared: readonly DeclaredTopic[]): Promise<void> {
  await (await connection.admin()).createTopics({
    // kafkajs's own wait gives up over a leader that is being elected.
    waitForLeaders: false,
    topics: declared.map(({ name, partitions, settings }) => ({
      ...{ topic: name, numPartitions: partitions, replicationFactor: brokersDefault },
      configEntries: declaredSettings.map((setting) => ({ name: setting, value: settings[setting] })),
    })),
  });
}
