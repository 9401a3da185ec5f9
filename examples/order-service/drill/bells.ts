import type { LoadedBinding } from 'millrace/binding';
import { askJson } from './ask.ts';

/** Asks those who watch. */
export interface Bells {
  /** Ids of the alerts that Alertmanager has now, also of those that follow from others and so tell nobody. */
  ringing(): Promise<ReadonlySet<string>>;
  /** What keeps Prometheus from watching; undefined once it scrapes the probe and has looked at its rules. */
  deaf(): Promise<string | undefined>;
}

interface Targets {
  readonly data: { readonly activeTargets: readonly { readonly labels: { readonly job: string }; readonly health: string }[] };
}

interface Rules {
  readonly data: { readonly groups: readonly { readonly rules: readonly { readonly type: string; readonly health: string }[] }[] };
}

export function bellsOf(binding: LoadedBinding): Bells {
  const metrics = binding.service('metrics', 'prometheus');
  const alerts = binding.service('alerts', 'alertmanager');
  return {
    async ringing() {
      const found = await askJson<readonly { labels: { alertname: string } }[]>(alerts, '/api/v2/alerts?active=true&silenced=false');
      return new Set(found.map(({ labels }) => labels.alertname));
    },
    async deaf() {
      const { data: targets } = await askJson<Targets>(metrics, '/api/v1/targets?state=active');
      const probe = targets.activeTargets.find(({ labels }) => labels.job === 'probe');
      if (probe?.health !== 'up') return `the target probe is ${probe?.health ?? 'not there'}`;
      const { data: rules } = await askJson<Rules>(metrics, '/api/v1/rules?type=alert');
      const all = rules.groups.flatMap((group) => group.rules);
      const unwell = all.filter(({ health }) => health !== 'ok');
      if (all.length === 0) return 'there are no rules';
      return unwell.length === 0 ? undefined : `${unwell.length} of ${all.length} rules were not evaluated`;
    },
  };
}
