import type { LoadedBinding } from '../binding/index.ts';
import { servicesOf, type Topology } from '../contracts/topology.ts';
import { applyTopology } from '../topology/apply.ts';
import { counted } from '../wording.ts';
import { type Notes, note } from './examination.ts';
import type { Problem } from './report.ts';
import { wayOutOf } from './way-out.ts';

/** Names that a sentence shows; `millrace apply --check` has all. */
const shown = 3;

/** Compares what lives on a service with its declaration, as `millrace apply --check` does, and notes what differs. */
export async function noteTopology(
  notes: Notes,
  binding: LoadedBinding,
  topology: Topology,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  if (!servicesOf(topology).includes(notes.service)) return;
  const { services } = await applyTopology({ binding, topology, only: [notes.service], check: true, timeoutMs, signal });
  for (const { changes, notes: remarks, error } of services) {
    if (error !== undefined) notes.problems.push(unread(notes.service, error));
    const names = changes.map(({ name }) => name);
    if (names.length > 0) {
      const more = names.length > shown ? ' and others' : '';
      note(
        notes,
        'degraded',
        'TOPOLOGY_DIFFERS',
        `${counted(names.length, 'object')} ${names.length === 1 ? 'is' : 'are'} not as declared: ${names.slice(0, shown).join(', ')}${more}`,
      );
    }
    for (const { level, name, sentence } of remarks)
      if (level === 'problem') note(notes, 'degraded', 'TOPOLOGY_PROBLEM', `${name}: ${sentence}`);
  }
}

function unread(service: string, { code, message }: { code: string; message: string }): Problem {
  const severity = code === 'UNEXPECTED' ? 'unseen' : 'degraded';
  return { code, severity, sentence: `it cannot be compared with the topology: ${message}`, ...wayOutOf(code, service) };
}
