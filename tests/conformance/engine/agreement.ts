import { topologyDocument } from '../../../environments/document.ts';
import type { Environment } from '../../../environments/schema.ts';
import { type Binding, bindingSchema } from '../../../runtime/src/contracts/binding.ts';
import { ownedBy } from '../../../runtime/src/contracts/topology.ts';
import { sha256 } from '../../../servers/supervisor/binding.ts';

/** What service code sees of a service, whichever engine provisioned it. */
interface Seen {
  readonly kind: string;
  readonly role: string;
  readonly hasTls: boolean;
  readonly users: readonly string[];
}

/** Where a binding says something else than what was declared, one sentence each. */
export function disagreements(binding: unknown, environment: Environment): string[] {
  const { error, data } = bindingSchema.safeParse(binding);
  if (data === undefined) return [`the document is no binding: ${error.message}`];
  const [declared, bound] = [declaredOf(environment), boundOf(data)];
  const names = [...new Set([...Object.keys(declared), ...Object.keys(bound)])].sort();
  const ofServices = names.flatMap((name) => {
    const [wanted, got] = [JSON.stringify(declared[name]), JSON.stringify(bound[name])];
    return wanted === got ? [] : [`${name}: ${wanted ?? 'nothing'} is declared, ${got ?? 'nothing'} is bound`];
  });
  const hash = sha256(topologyDocument(environment));
  const ofTopology = data.topology?.hash === hash ? [] : ['the topology is another than the declared one'];
  const ofName = data.environment === environment.name ? [] : [`it is of environment ${data.environment}`];
  return [...ofServices, ...ofTopology, ...ofName];
}

function declaredOf({ services, topology }: Environment): Record<string, Seen> {
  return Object.fromEntries(
    Object.entries(services).map(([name, { kind, role }]) => {
      const users = ownedBy(topology.aclUsers, name).map(([user]) => user);
      return [name, { kind, role, hasTls: true, users: users.sort() }];
    }),
  );
}

function boundOf({ services }: Binding): Record<string, Seen> {
  return Object.fromEntries(
    Object.entries(services).map(([name, { kind, role, tls, users = {} }]) => {
      return [name, { kind, role, hasTls: tls !== undefined, users: Object.keys(users).sort() }];
    }),
  );
}

/** Which of `texts` show a secret or a private key, by their names. */
export function leaks(secrets: Readonly<Record<string, string>>, texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([name, text]) => [
    ...Object.entries(secrets).flatMap(([secret, value]) => (text.includes(value.trim()) ? [`${secret} in ${name}`] : [])),
    ...(text.includes('PRIVATE KEY') ? [`a private key in ${name}`] : []),
  ]);
}
