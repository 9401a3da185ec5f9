import type { Environment } from '../environments/schema.ts';
import type { ResolvedSettings } from '../environments/size.ts';
import type { BoundService, SecretRef, ServiceKind, ServiceRole } from '../runtime/src/contracts/binding.ts';
import type { Software } from './find/index.ts';
import type { Owner } from './local-process/launch.ts';
import type { ReadyOptions } from './local-process/ready.ts';
import type { LocalServer } from './local-process/start.ts';
import type { ServerTls } from './tls/server-tls.ts';

/** How a service of kind `K` becomes processes of this machine. */
export interface Hosting<K extends ServiceKind = ServiceKind> {
  readonly kind: K;
  /** What must be on this machine; the first is the server itself, whose version is shown. */
  readonly software: readonly [Software, ...Software[]];
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
  /** Where a part of the hosting's software lies: a program, a folder of programs, or the folder of a distribution. */
  pathOf(software: Software): string;
  readonly owner: Owner | undefined;
  /**
   * Ports, folder and log of one process; the same ones at every call and every start. Ports are given out in the order of the first calls.
   *
   * @param furtherPorts names of ports that it listens on besides its main one.
   */
  place<P extends string = never>(id: string, ...furtherPorts: P[]): Place<P>;
  /** A password of this service; `ref` is what the binding says about it. */
  secret(id: string): { readonly value: string; readonly ref: string };
  /** Users with fewer rights that the topology declares for this service. */
  readonly users: readonly DeclaredUser[];
  /** Certificates of the environment's own authority; undefined where it is declared to speak plain text. */
  readonly tls: HostingTls | undefined;
  /** What the other services' bindings say; to be called when a process is prepared, not before. */
  others(): Readonly<Record<string, BoundService>>;
  /** The text behind a reference of kind `file` in the environment's binding. */
  read(ref: { readonly id: string }): string;
  /** A secret that the declaration refers to. @throws {MillraceError} SECRET_UNAVAILABLE */
  readDeclared(ref: SecretRef): string;
  /** All that is declared, for what watches the other services; its changes ask for no restart. */
  readonly environment: Environment;
  /** Where the binding is written, and the program `millrace` that reads it. */
  readonly bindingFile: string;
  readonly program: string;
}

/** A user of a Redis and what it may do, as `ACL SETUSER` understands it. */
export interface DeclaredUser {
  readonly name: string;
  readonly rules: readonly string[];
}

/** TLS as a hosting hands it on. */
export interface HostingTls {
  /** What the binding says under `tls`. */
  readonly binding: NonNullable<BoundService['tls']>;
  /** Certificate of the process `id`. */
  serverTls(id: string): ServerTls;
}

export interface Place<P extends string = string> {
  readonly name: string;
  readonly port: number;
  readonly ports: Readonly<Record<P, number>>;
  readonly dir: string;
  readonly logFile: string;
}

export interface ServicePlan {
  readonly servers: readonly PlannedServer[];
  /** Programs that look at the other services: started when the binding is written and the topology applied, and again when something of that has changed. */
  readonly watchers?: readonly PlannedWatcher[];
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

/** A program of ours among the servers. */
export interface PlannedWatcher extends PlannedServer {
  readonly kind: 'probe';
  readonly version: string;
}

/** What a process of an environment is: a server, or a program that watches servers. */
export type ProcessKind = ServiceKind | PlannedWatcher['kind'];
