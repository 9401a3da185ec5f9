import type { FetchProgress } from '../find/distribution.ts';
import type { ProcessKind } from '../hosting.ts';

/** What `up` and `down` tell while they work. */
export type Progress =
  | { readonly event: 'install'; readonly packages: readonly string[] }
  | ({ readonly event: 'fetch' } & FetchProgress)
  /** What is not on this machine comes from an image of Docker. */
  | { readonly event: 'image'; readonly title: string; readonly image: string }
  /** `millrace apply` tells something. */
  | { readonly event: 'apply'; readonly line: string }
  | {
      readonly event: 'server';
      readonly server: string;
      readonly kind: ProcessKind;
      /**
       * `running`: it ran before; `outdated`: it runs with settings that the declaration no longer has; `undeclared`: it was stopped, because the environment
       * no longer has it.
       */
      readonly state: 'ready' | 'running' | 'outdated' | 'stopped' | 'killed' | 'gone' | 'undeclared';
      readonly port: number;
      readonly version: string;
      readonly elapsedMs: number;
    };

export type OnProgress = (progress: Progress) => void;
