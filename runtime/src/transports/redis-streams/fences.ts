import type { Fence } from '../../transport.ts';

const digits = 20;
export const noSequence = '0'.repeat(digits);

/** A number as the scripts compare it: 20 digits, zeros in front. */
export function padded(value: bigint | string): string {
  return String(value).padStart(digits, '0');
}

/** What this process has had acknowledged, to notice when the broker knows less. */
export interface Fences {
  /** Highest log id acknowledged on `stream` under this epoch. */
  acknowledged(fence: Fence, stream: string): string;
  acknowledge(fence: Fence, stream: string, highest: string): void;
  /** The broker has lost events: `stream` stays refused until `forget()`, so that nothing is published before the caller has rewound. */
  lost(): void;
  /** Starts anew, when the broker is known to be another. */
  forget(): void;
  /** Starts anew if a loss was reported; the caller has asked for the incarnation since and rewinds. */
  forgetLoss(): void;
}

export function createFences(): Fences {
  const producers = new Map<string, { epoch: bigint; byStream: Map<string, string> }>();
  let lossReported = false;
  const streamsOf = ({ producer, epoch }: Fence): Map<string, string> => {
    const known = producers.get(producer);
    if (known?.epoch === epoch) return known.byStream;
    const byStream = new Map<string, string>();
    producers.set(producer, { epoch, byStream });
    return byStream;
  };
  return {
    acknowledged: (fence, stream) => streamsOf(fence).get(stream) ?? noSequence,
    acknowledge(fence, stream, highest) {
      const byStream = streamsOf(fence);
      if (highest > (byStream.get(stream) ?? noSequence)) byStream.set(stream, highest);
    },
    lost() {
      lossReported = true;
    },
    forget() {
      producers.clear();
      lossReported = false;
    },
    forgetLoss() {
      if (lossReported) producers.clear();
      lossReported = false;
    },
  };
}
