import type { ResolvedSettings } from '../environments/size.ts';
import type { BoundService, ServiceKind, ServiceRole } from '../runtime/src/contracts/binding.ts';
import type { Program } from './find/program.ts';
import type { Owner } from './local-process/launch.ts';
import type { ReadyOptions } from './local-process/ready.ts';
import type { LocalServer } from './local-process/start.ts';

/** How a service of kind `K` becomes processes of this machine. */
export interface Hosting<K extends ServiceKind = ServiceKind> {
  readonly kind: K;
  readonly program: Program;
  /** The user its processes run as, where they refuse root. */
  readonly owner?: () => Owner | undefined;
  /** What to start and what services get to know about it. Called for `status` too, so it opens and writes nothing itself. */
  plan(request: ServiceRequest<K>): ServicePlan;
}

/** One declared service, and where its parts may live. */
export interface ServiceRequest<K extends ServiceKind = ServiceKind> {
  readonly name: string;
  readonly role: ServiceRole;
  readonly settings: ResolvedSettings<K>;
  readonly host: string;
  /** Path of the hosting's program. */
  readonly program: string;
  readonly owner: Owner | undefined;
  /** Port, folder and log of one process; the same ones at every call and every start. Ports are given out in the order of the first calls. */
  place(id: string): Place;
  /** A password of this service; `ref` is what the binding says about it. */
  secret(id: string): { readonly value: string; readonly ref: string };
}

export interface Place {
  readonly name: string;
  readonly port: number;
  readonly dir: string;
  readonly logFile: string;
}

export interface ServicePlan {
  readonly servers: readonly PlannedServer[];
  /** Waits until the servers work together and creates what clients expect to find. */
  finish?(options: ReadyOptions): Promise<void>;
  readonly binding: BoundService;
}

/** Servers of a lower wave are ready before those of a higher one start, and are stopped after them. */
export interface PlannedServer {
  readonly place: Place;
  readonly wave: number;
  readonly server: LocalServer;
}
