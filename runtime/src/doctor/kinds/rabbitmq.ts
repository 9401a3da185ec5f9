import { connectRabbit } from '../../connections/rabbitmq/index.ts';
import { managementOf, type RabbitManagement } from '../../connections/rabbitmq/management.ts';
import { rabbitCheck } from '../../health/rabbitmq-check.ts';
import { readNodes } from '../../probe/rabbitmq/read.ts';
import { counted, listed } from '../../wording.ts';
import { clientName, type Examination, type Ground, type Notes, note, noteCheck, noteFailure, noteLatency } from '../examination.ts';

export const rabbitExamination: Examination = { purposes: ['node', 'primary'], examine };

async function examine(ground: Ground): Promise<void> {
  const { handle, limits, notes, signal } = ground;
  const { connectMs: connectTimeoutMs, answerMs } = limits;
  const settings = { name: clientName, connectTimeoutMs, setupTimeoutMs: answerMs, confirmTimeoutMs: answerMs, closeTimeoutMs: 500 };
  await using rabbit = await connectRabbit(handle, settings);
  await noteLatency(notes, async () => (await rabbit.openChannel()).close());
  notes.state = `connected to ${rabbit.state.endpoint}`;
  const hasManagement = handle.service.endpoints.some(({ purpose }) => purpose === 'management');
  const check = rabbitCheck(rabbit, { confirmRoundTrip: !hasManagement, timeoutMs: answerMs });
  // Nodes tell of their alarms; where nobody can be asked, the broker tells a connection just after it has first published.
  if (!hasManagement) await check.check(signal);
  await noteCheck(ground, check);
  if (!hasManagement) return;
  await using management = managementOf(handle, { timeoutMs: answerMs, signal });
  await noteFailure(ground, noteNodes(notes, management));
}

async function noteNodes(notes: Notes, management: RabbitManagement): Promise<void> {
  const { body } = await management.ask({ path: '/overview?columns=rabbitmq_version' });
  const { rabbitmq_version: version } = (body ?? {}) as { rabbitmq_version?: unknown };
  if (typeof version === 'string') notes.version = version;
  const nodes = await readNodes(management);
  const running = nodes.filter((node) => node.running);
  notes.state = running.length === nodes.length ? counted(nodes.length, 'node') : `${running.length} of ${counted(nodes.length, 'node')}`;
  for (const { name, running: runs, mem_alarm: memory, disk_free_alarm: disk } of nodes) {
    if (!runs) note(notes, 'degraded', 'RABBITMQ_NODE_DOWN', `node ${name} does not run`);
    const short = [memory === true && 'memory', disk === true && 'disk space'].filter((each) => each !== false);
    if (short.length > 0) note(notes, 'down', 'RABBITMQ_ALARM', `node ${name} is short of ${listed(short)}: the broker takes no messages`);
  }
}
