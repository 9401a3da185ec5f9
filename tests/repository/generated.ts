import * as z from 'zod';
import { alertsPage } from '../../alerts/page.ts';
import { environmentSchema } from '../../environments/schema.ts';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { type ErrorCode, errorGuide } from '../../runtime/src/contracts/error-guide.ts';
import { retriableCodes } from '../../runtime/src/contracts/errors.ts';
import { faultGuide } from '../../runtime/src/contracts/fault-guide.ts';
import { topologySchema } from '../../runtime/src/contracts/topology.ts';
import { doctorReportSchema } from '../../runtime/src/doctor/report.ts';
import { reviewedTopologies } from '../environments/reviewed-topologies.ts';
import { reviewedPlans } from '../stacks/reviewed-plans.ts';
import { sizesPage } from './sizes-page.ts';

/** Files that are written by `make generate`, each with its content by today's code. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/alerts.md': alertsPage(),
    'docs/doctor.md': doctorPage(),
    'docs/errors.md': errorsPage(),
    'docs/sizes.md': sizesPage(),
    'runtime/schemas/binding.json': jsonSchema(bindingSchema, 'Binding', 'What was provisioned, as services see it; it holds no secret.'),
    'runtime/schemas/doctor-report.json': jsonSchema(doctorReportSchema, 'DoctorReport', 'What `millrace doctor --json` prints.'),
    'runtime/schemas/topology.json': jsonSchema(topologySchema, 'Topology', 'What lives on the servers: topics, queues, users, indices.'),
    'runtime/schemas/environment.json': jsonSchema(environmentSchema, 'Environment', 'One environment as it is declared.'),
    ...reviewedTopologies(),
    ...reviewedPlans(),
  };
}

/** What a writer of the document must give: `io: 'input'`, so that what has a default is optional. */
function jsonSchema(schema: z.core.$ZodType, title: string, description: string): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return `${JSON.stringify({ $schema, title, description, ...rest }, null, 2)}\n`;
}

function errorsPage(): string {
  const codes = Object.entries(errorGuide).map(([code, { meaning, wayOut }]) =>
    [`## ${code}`, `Retriable: ${retriableCodes.has(code as ErrorCode) ? 'yes' : 'no'}`, meaning, `**Way out.** ${wayOut}`].join('\n\n'),
  );
  return `${[errorsHeading, ...codes].join('\n\n')}\n`;
}

function doctorPage(): string {
  const faults = Object.entries<{ wayOut: string; runbook?: string }>(faultGuide);
  const rows = faults.map(([code, { wayOut, runbook }]) => {
    const page = runbook === undefined ? '' : `[${runbook}](runbooks/${runbook}.md)`;
    return `| \`${code}\` | ${wayOut.replaceAll('SERVICE', '`SERVICE`')} | ${page} |`;
  });
  return `${[doctorHeading, ['| code | way out | runbook |', '|---|---|---|', ...rows].join('\n')].join('\n\n')}\n`;
}

const doctorHeading = `# What is wrong?

Generated from \`fault-guide.ts\` in \`runtime/src/contracts\` by \`make generate\`.

\`millrace doctor\` examines every service of a binding, side by side, and changes nothing. Of each problem it tells the way out:

\`\`\`
$ millrace doctor
SERVICE   KIND            STATUS    LATENCY  VERSION  STATE
database  postgres        degraded  0.4 ms   15.18    primary
events    redis-sentinel  degraded  0.5 ms   7.0.15   master, 2 replicas, 2 of 3 sentinels

database: MIGRATION_PENDING: the schema millrace is not there
  way out: Run \`millrace migrate\` with a role that owns the schema, then start again.
events: SENTINEL_MISSING: no connection to sentinel 127.0.0.1:17006: connect ECONNREFUSED 127.0.0.1:17006
  way out: Start this sentinel again: with a majority gone, nobody is left to elect a new master.
  runbook: docs/runbooks/redis-down.md

local: 2 problems, at 2 of 2 services (0.6 s)
\`\`\`

It asks what services ask: can the address be reached, does the right server answer there, does it let us in, is it healthy, in its role and on time, is its schema migrated, and
is what lives on it as the topology declares (as \`millrace apply --check\` compares). It comes as the user of \`auth\` in the binding, as services do, from where it is run: an
environment on AWS is examined from inside its network (\`--binding ssm:/millrace/ENV/binding\`).

| | |
|---|---|
| \`--only events,log\` | these services |
| \`--timeout 15\` | seconds that the examination of one service may take; one that hangs keeps nobody from the others |
| \`--json\` | one document of the form [doctor-report.json](../runtime/schemas/doctor-report.json) |

| exit code | |
|---|---|
| 0 | all is well |
| 2 | a problem was found |
| 1 | it could not look: there is no binding, \`--only\` names no service, or something is missing here (AWS credentials, a client library); the other services are told |

A service is \`well\`, \`degraded\` (it works, and someone should look), \`down\` (it cannot do what it is bound for) or \`unseen\`. Latency is one round trip over an open
connection, the quickest of three. Brokers of Kafka tell no version; shown is the release whose metadata format the cluster has been upgraded to.

At an address at which the right client has failed it tries what other servers answer to. Servers note that as a malformed request in their logs.

Codes that are not in this table are those of [errors.md](errors.md). Health checks of services use both.`;

const errorsHeading = `# Errors

Generated from \`errors.ts\` and \`error-guide.ts\` in \`runtime/src/contracts\` by \`make generate\`.

Millrace throws one class, \`MillraceError\`. Decide on its \`code\`, never on the message; \`retriable\` says whether trying again can help without a change
by a person. \`isMillraceError(error, code)\` recognises it even where two copies of the package are loaded:

\`\`\`ts
import { isMillraceError } from 'millrace/contracts/errors';
\`\`\`

The line "Retriable" below a code is its default; an error may carry another, so ask \`error.retriable\`.`;
