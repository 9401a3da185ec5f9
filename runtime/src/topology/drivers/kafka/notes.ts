import { objectName } from '../../../contracts/object-names.ts';
import { counted } from '../../../wording.ts';
import type { Note } from '../../driver.ts';
import type { ClusterDefaults, DeclaredTopic, LiveTopic, WatchedSetting } from './model.ts';

/** Topics that keep less, or less safely, than is declared: by settings that are not declared, or by fewer copies than the cluster makes. */
export function notesOn(
  service: string,
  declared: readonly DeclaredTopic[],
  live: readonly LiveTopic[],
  defaults: ClusterDefaults,
): Note[] {
  const wanted = new Set(declared.map(({ name }) => name));
  return live
    .filter(({ name }) => wanted.has(name))
    .flatMap((topic) => {
      const name = objectName(service, 'topic', topic.name);
      return [...settingNotes(topic), ...copyNotes(topic, defaults)].map((note) => ({ ...note, name }));
    });
}

type Told = Omit<Note, 'name'>;

const consequences: Readonly<Record<WatchedSetting, string>> = {
  'min.insync.replicas': 'an acknowledged message may be on fewer brokers than the cluster asks for',
  'retention.bytes': 'messages may be deleted before their retention is over',
  'unclean.leader.election.enable': 'acknowledged messages may be lost with a broker',
};

/** What was set for the topic by hand is a mistake to mend; what the brokers do is decided with the cluster. */
function settingNotes({ name, settings, overridden }: LiveTopic): Told[] {
  return (Object.keys(consequences) as WatchedSetting[]).flatMap((setting): Told[] => {
    const [value, usual] = [settings[setting], overridden[setting]];
    if (value === undefined || !weakens(setting, value, usual)) return [];
    const fact = `${setting} is ${value}`;
    if (usual === undefined) return [{ level: 'info', sentence: `${fact}, so that ${consequences[setting]}` }];
    const remedy = `kafka-configs --alter --entity-type topics --entity-name ${name} --delete-config ${setting}`;
    return [
      {
        level: 'problem',
        sentence: `${fact} for this topic, ${usual} elsewhere, so that ${consequences[setting]}; take it back with ${remedy}`,
      },
    ];
  });
}

/** @param usual what holds without the topic's own value, where it has one */
function weakens(setting: WatchedSetting, value: string, usual: string | undefined): boolean {
  switch (setting) {
    case 'retention.bytes':
      return Number(value) >= 0;
    case 'min.insync.replicas':
      return usual !== undefined && Number(value) < Number(usual);
    case 'unclean.leader.election.enable':
      return value === 'true' && usual === 'false';
  }
}

function copyNotes({ copies }: LiveTopic, defaults: ClusterDefaults): Told[] {
  if (defaults.copies === undefined || copies >= defaults.copies) return [];
  const sentence = `has ${counted(copies, 'copy', 'copies')} where the cluster makes ${defaults.copies}, so that it does not outlive the brokers that others do; add copies with kafka-reassign-partitions`;
  return [{ level: 'problem', sentence }];
}
