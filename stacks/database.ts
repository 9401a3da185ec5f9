import { ExistingDatabase } from '../constructs/aws/existing-database/index.ts';
import type { Construct } from '../constructs/core/framework.ts';
import { type ServerPlan, ServerStack, type ServerStackProps } from './server-stack.ts';

const plan: ServerPlan<'postgres', ExistingDatabase> = {
  define(scope, { declaration: { existing }, props: { service, role, network } }) {
    if (existing === undefined) throw new TypeError(`services.${service} must say where it is on the engine aws`);
    return new ExistingDatabase(scope, service, { service, role, network, existing });
  },
  offers(database) {
    const { service, username } = database.attributes;
    return [{ name: ['connect'], description: `connect to ${service} as ${username}`, statements: database.connectStatements() }];
  },
};

/** The way to databases that are there already: rules of their security groups, and what it takes to connect. Holds no data. */
export class DatabaseStack extends ServerStack<'postgres', ExistingDatabase> {
  constructor(scope: Construct, props: ServerStackProps<'postgres'>) {
    super(scope, 'database', props, plan);
  }
}
