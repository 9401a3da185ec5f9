import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import knex, { type Knex } from 'knex';
import { CamelCasePlugin, CompiledQuery, Kysely, type Transaction as KyselyTrx, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { drizzleTransaction } from '../../../runtime/src/outbox/executors/drizzle.ts';
import { knexTransaction } from '../../../runtime/src/outbox/executors/knex.ts';
import { kyselyTransaction } from '../../../runtime/src/outbox/executors/kysely.ts';
import { prismaTransaction } from '../../../runtime/src/outbox/executors/prisma.ts';
import type { Transaction } from '../../../runtime/src/outbox/executors/transaction.ts';
import { typeormTransaction } from '../../../runtime/src/outbox/executors/typeorm.ts';
import { testFolder } from '../../support/folders.ts';

/** A transaction as the callback of a library is given it. */
export interface InTransaction {
  readonly joined: Transaction | Client;
  run(sql: string): Promise<unknown>;
  /** A part that is rolled back to a savepoint when `work` throws. */
  nested(work: (tx: InTransaction) => Promise<void>): Promise<void>;
}

/** A library that is connected to a database. */
export interface Connected {
  /** Commits what `work` has done, or rolls it back and throws what `work` has thrown. */
  transaction(work: (tx: InTransaction) => Promise<void>): Promise<void>;
  /** The handle outside any transaction, as somebody may pass it by mistake. */
  outside(): Transaction | Client;
  close(): Promise<void>;
}

export const libraries: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  pg: async (url) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    const tx = withSavepoints(client, (text) => client.query(text));
    return {
      async transaction(work) {
        await client.query('begin');
        await work(tx).then(
          () => client.query('commit'),
          async (error) => {
            await client.query('rollback');
            throw error;
          },
        );
      },
      outside: () => client,
      close: () => client.end(),
    };
  },

  drizzle: async (url) => {
    const pool = new Pool({ connectionString: url });
    const db = drizzle(pool);
    const inside = (tx: Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]): InTransaction => ({
      joined: drizzleTransaction(tx),
      run: async (text) => tx.execute(sql.raw(text)),
      nested: (work) => tx.transaction((inner) => work(inside(inner))),
    });
    return {
      transaction: (work) => db.transaction((tx) => work(inside(tx))),
      // @ts-expect-error a db is no transaction
      outside: () => drizzleTransaction(db),
      close: () => pool.end(),
    };
  },

  knex: async (url) => {
    const db = knex({ client: 'pg', connection: url });
    const inside = (trx: Knex.Transaction): InTransaction => ({
      joined: knexTransaction(trx),
      run: async (text) => trx.raw(text),
      nested: (work) => trx.transaction((inner) => work(inside(inner))),
    });
    return {
      transaction: (work) => db.transaction((trx) => work(inside(trx))),
      // @ts-expect-error a knex is no transaction
      outside: () => knexTransaction(db),
      close: () => db.destroy(),
    };
  },

  kysely: async (url) => {
    const db = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }),
      plugins: [new CamelCasePlugin()],
    });
    const inside = (trx: KyselyTrx<unknown>) =>
      withSavepoints(kyselyTransaction(trx), async (text) => trx.executeQuery(CompiledQuery.raw(text)));
    return {
      transaction: (work) => db.transaction().execute((trx) => work(inside(trx))),
      // @ts-expect-error a db may be no transaction
      outside: () => kyselyTransaction(db),
      close: () => db.destroy(),
    };
  },

  prisma: async (url) => {
    const Prisma = await prismaClient();
    const prisma = new Prisma({ adapter: new PrismaPg({ connectionString: url }) });
    const inside = (tx: PrismaTx): InTransaction => ({
      joined: prismaTransaction(tx),
      run: (text) => tx.$executeRawUnsafe(text),
      nested: (work) => tx.$transaction((inner) => work(inside(inner))),
    });
    return {
      transaction: (work) => prisma.$transaction((tx) => work(inside(tx))),
      // @ts-expect-error a prisma is no transaction
      outside: () => prismaTransaction(prisma),
      close: () => prisma.$disconnect(),
    };
  },

  typeorm: async (url) => {
    const source = await new DataSource({ type: 'postgres', url }).initialize();
    const inside = (manager: EntityManager): InTransaction => ({
      joined: typeormTransaction(manager),
      run: (text) => manager.query(text),
      nested: (work) => manager.transaction((inner) => work(inside(inner))),
    });
    return {
      transaction: (work) => source.transaction((manager) => work(inside(manager))),
      outside: () => typeormTransaction(source.manager),
      close: () => source.destroy(),
    };
  },
};

/** For libraries without savepoints of their own. */
function withSavepoints(joined: InTransaction['joined'], run: InTransaction['run']): InTransaction {
  const tx: InTransaction = {
    joined,
    run,
    async nested(work) {
      await run('savepoint part');
      try {
        await work(tx);
      } catch (error) {
        await run('rollback to savepoint part');
        throw error;
      }
    },
  };
  return tx;
}

/** What is used of the client that Prisma generates; `PrismaTx` as its `TransactionClient`. */
interface PrismaTx {
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(sql: string): Promise<number>;
  $transaction<R>(work: (tx: PrismaTx) => Promise<R>): Promise<R>;
}

interface PrismaClient extends PrismaTx {
  $connect(): Promise<void>;
  $disconnect(): Promise<void>;
}

const prismaSchema = `
generator client {
  provider     = "prisma-client"
  output       = "./generated"
  engineType   = "client"
  moduleFormat = "cjs"
}
datasource db {
  provider = "postgresql"
}
model Business {
  id Int @id
}
`;

let generated: Promise<new (options: { adapter: PrismaPg }) => PrismaClient> | undefined;

/** Generates the client as a service does when it is built, once for the file. */
function prismaClient() {
  generated ??= (async () => {
    const { path } = await testFolder('prisma');
    const modules = join(dirname(require.resolve('prisma/package.json')), '..');
    writeFileSync(join(path, 'schema.prisma'), prismaSchema);
    symlinkSync(modules, join(path, 'node_modules'));
    // The engine of schemas takes no part in generating, but is downloaded unless a file is named that is there.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' };
    const args = [join(modules, 'prisma/build/index.js'), 'generate', '--schema', 'schema.prisma'];
    await promisify(execFile)(process.execPath, args, { cwd: path, env });
    return require(join(path, 'generated/client.ts')).PrismaClient;
  })();
  return generated;
}
