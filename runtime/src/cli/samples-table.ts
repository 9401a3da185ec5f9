import { type Sample, type Signal, type SignalUnit, signals } from '../contracts/signals.ts';
import { table } from './table.ts';

const words: Readonly<Record<SignalUnit, readonly [one: string, more: string]>> = {
  '1': ['', ''],
  s: ['s', 's'],
  By: ['byte', 'bytes'],
  '%': ['%', '%'],
  '{event}': ['event', 'events'],
  '{entry}': ['entry', 'entries'],
  '{message}': ['message', 'messages'],
  '{key}': ['key', 'keys'],
  '{transaction}': ['transaction', 'transactions'],
  '{operation}': ['operation', 'operations'],
  '{operation}/s': ['operation/s', 'operations/s'],
  '{connection}': ['connection', 'connections'],
};

/** Samples for people, in aligned columns: service, signal, its other labels, value with unit. */
export function samplesTable(samples: readonly Sample[]): string {
  if (samples.length === 0) return 'nothing to look at: no service is bound that the probe knows';
  const rows = samples.map(({ signal, labels: { service = '', ...labels }, value }) => {
    const named = Object.entries(labels).filter(([, text]) => text !== '');
    return [service, signal, named.map(([name, text]) => `${name}=${text}`).join(' '), shown(value, (signals[signal] as Signal).unit)];
  });
  return table([['SERVICE', 'SIGNAL', 'OF', 'VALUE'], ...rows]);
}

function shown(value: number, unit: SignalUnit): string {
  const number = String(Math.round(value * 1_000) / 1_000);
  return `${number} ${words[unit][number === '1' ? 0 : 1]}`.trimEnd();
}
