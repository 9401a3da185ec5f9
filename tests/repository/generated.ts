import * as z from 'zod';
import { environmentSchema } from '../../environments/schema.ts';
import { bindingSchema } from '../../runtime/src/contracts/binding.ts';
import { type ErrorCode, errorGuide } from '../../runtime/src/contracts/error-guide.ts';
import { retriableCodes } from '../../runtime/src/contracts/errors.ts';
import { topologySchema } from '../../runtime/src/contracts/topology.ts';
import { reviewedTopologies } from '../environments/reviewed-topologies.ts';
import { reviewedPlans } from '../stacks/reviewed-plans.ts';
import { sizesPage } from './sizes-page.ts';

/** Files that are written by `make generate`, each with its content by today's code. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/errors.md': errorsPage(),
    'docs/sizes.md': sizesPage(),
    'runtime/schemas/binding.json': jsonSchema(bindingSchema, 'Binding', 'What was provisioned, as services see it; it holds no secret.'),
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

const errorsHeading = `# Errors

Generated from \`errors.ts\` and \`error-guide.ts\` in \`runtime/src/contracts\` by \`make generate\`.

Millrace throws one class, \`MillraceError\`. Decide on its \`code\`, never on the message; \`retriable\` says whether trying again can help without a change
by a person. \`isMillraceError(error, code)\` recognises it even where two copies of the package are loaded:

\`\`\`ts
import { isMillraceError } from 'millrace/contracts/errors';
\`\`\`

The line "Retriable" below a code is its default; an error may carry another, so ask \`error.retriable\`.`;
