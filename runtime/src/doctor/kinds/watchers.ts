import { counted } from '../../wording.ts';
import { noteClock } from '../clock.ts';
import { type Examination, type Ground, note, noteLatency } from '../examination.ts';
import { webApi } from './web-api.ts';

export const prometheusExamination: Examination = { purposes: ['primary'], examine: examinePrometheus };
export const alertmanagerExamination: Examination = { purposes: ['primary'], examine: examineAlertmanager };

interface Target {
  readonly health: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
}

async function examinePrometheus(ground: Ground): Promise<void> {
  const { notes } = ground;
  await using api = webApi(ground);
  const info = await noteLatency(notes, () => api.ask<{ data: { version: string } }>('/v1/status/buildinfo'));
  notes.version = info.data.version;
  const { activeTargets } = (await api.ask<{ data: { activeTargets: readonly Target[] } }>('/v1/targets?state=active')).data;
  notes.state = `${counted(activeTargets.length, 'target')}`;
  for (const { health, scrapeUrl, lastError } of activeTargets) {
    if (health === 'down') note(notes, 'degraded', 'PROMETHEUS_TARGET_DOWN', `it cannot scrape ${scrapeUrl}: ${lastError}`);
  }
  await noteClock(notes, async () => {
    const answer = await api.ask<{ data: { result: readonly [seconds: number, text: string] } }>('/v1/query?query=time()');
    return answer.data.result[0] * 1_000;
  });
}

async function examineAlertmanager(ground: Ground): Promise<void> {
  const { notes } = ground;
  await using api = webApi(ground);
  const status = await noteLatency(notes, () =>
    api.ask<{ versionInfo: { version: string }; cluster: { status: string; peers?: readonly unknown[] } }>('/v2/status'),
  );
  notes.version = status.versionInfo.version;
  const { status: gossip, peers = [] } = status.cluster;
  notes.state = gossip === 'disabled' ? 'alone' : `${gossip}, ${counted(peers.length, 'peer')}`;
}
