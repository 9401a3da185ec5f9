import type { BoundService } from '../../../runtime/src/contracts/binding.ts';
import { given } from '../../../servers/containers/placeholders.ts';
import { bindPostgres, database, superUser } from '../../../servers/postgres/bound.ts';
import { maxPreparedTransactions, renderPgHba, renderPostgresqlConf } from '../../../servers/postgres/config.ts';
import type { Construct } from '../../core/framework.ts';
import { certificateOf, certificateTexts, ServerContainer, type View } from '../foundation/container.ts';
import { certificatePaths } from '../foundation/paths.ts';
import { boundServer, DockerService, type DockerServiceProps } from '../foundation/server.ts';

const port = 5_432;

/** What a connection may take, as a rule of thumb; and what the processes take that are always there. */
const perConnectionMiB = 4;
const roomMiB = 128;

type PostgresProps = DockerServiceProps<'postgres'>;

/** One server with one database. Its password is that of its volume: to change it, `alter role` it, or destroy the volume. */
export class Postgres extends DockerService<PostgresProps> {
  readonly containers: readonly [ServerContainer<'clients'>];

  constructor(scope: Construct, id: string, props: PostgresProps) {
    super(scope, id, props);
    const { ground, service, settings } = props;
    const { memoryMiB, maxConnections } = settings;
    const certificate = certificateOf(ground, service);
    const { certFile, keyFile } = certificatePaths;
    const conf = {
      ...{ listen: ['0.0.0.0'], port, socketDir: '/tmp', memoryMiB, maxConnections, maxPreparedTransactions, settings: settings.settings },
      // Who comes from this machine has the address of the network's gateway here.
      clients: ['0.0.0.0/0'],
      tls: certificate && { certFile, keyFile },
    };
    const container = new ServerContainer(this, 'Server', ground, {
      ...{ name: service, image: 'postgres', command: ['run-postgres'] },
      environment: { POSTGRES_USER: superUser, POSTGRES_DB: database, POSTGRES_PASSWORD_SECRET: 'password' },
      files: {
        'postgresql.conf': renderPostgresqlConf(conf),
        'pg_hba.conf': renderPgHba(conf),
        'secrets/password': given.password(service),
        ...certificateTexts(certificate),
      },
      health: ['pg_isready', '--quiet', '--host', 'localhost', '--port', String(port)],
      memoryMiB: memoryMiB + perConnectionMiB * maxConnections + roomMiB,
      ports: { clients: { inside: port, outside: ground.ports.next('postgres') } },
      // Fast shutdown: transactions are rolled back, the checkpoint is written.
      stop: { signal: 'SIGINT', graceSeconds: 30 },
    });
    this.containers = [container];
  }

  override boundFor(view: View): BoundService {
    const [server] = this.containers;
    const { maxConnections } = this.props.settings;
    return bindPostgres({ ...boundServer(this.props), address: server.addressOf('clients', view), maxConnections });
  }
}
