import type { Problem } from '../../runtime/src/contracts/problems.ts';
import { carriedBy, deadLetterTopics } from '../../runtime/src/contracts/topology.ts';
import type { Check, Draft } from './draft.ts';
import { problemIf } from './references.ts';

/** What a system accepts as the name of something, beyond what the schema asks of every name. */
interface NameRule {
  /** The part of the topology whose keys are meant. */
  readonly part: 'queues' | 'exchanges' | 'indices' | 'lifecycles' | 'snapshots' | 'searchRoles' | 'aclUsers';
  readonly legal: RegExp;
  readonly sentence: string;
}

/** They are parts of addresses and of `SERVICE/KIND/NAME`. */
const simple = {
  legal: /^[a-z0-9][a-z0-9._-]{0,99}$/,
  sentence: 'of 1 to 100 lower-case letters, digits and . _ -, the first no sign',
};
const reserved = {
  legal: /^(?!amq\.|millrace\.)/i,
  sentence: 'not begin with amq., which RabbitMQ keeps for itself, nor with millrace., which delays have',
};

const rules: readonly NameRule[] = [
  { part: 'queues', ...reserved },
  { part: 'exchanges', ...reserved },
  { part: 'indices', legal: /^[^A-Z]*$/, sentence: 'be in lower case, OpenSearch takes no other names of indices' },
  { part: 'lifecycles', legal: simple.legal, sentence: `be ${simple.sentence}` },
  { part: 'snapshots', legal: simple.legal, sentence: `be ${simple.sentence}` },
  { part: 'searchRoles', legal: simple.legal, sentence: `be ${simple.sentence}` },
  {
    part: 'aclUsers',
    legal: /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    sentence: 'be of lower-case words joined by hyphens, the first character a letter, as ElastiCache asks for',
  },
];

const namesAreLegal: Check = ({ topology }) =>
  rules.flatMap(({ part, legal, sentence }) =>
    Object.keys(topology[part]).flatMap((name) =>
      problemIf(!legal.test(name), `topology.${part}.${name}`, `must ${sentence}, got ${JSON.stringify(name)}`),
    ),
  );

const repositoriesHaveLegalNames: Check = ({ topology }) =>
  Object.entries(topology.snapshots).flatMap(([name, { repository }]) =>
    problemIf(
      !simple.legal.test(repository),
      `topology.snapshots.${name}.repository`,
      `must be ${simple.sentence}, got ${JSON.stringify(repository)}`,
    ),
  );

/** Users that servers have anyway: nobody, services without a user of their own, and replicas. */
const takenUsers: Readonly<Record<string, string>> = {
  default: 'is the user of whoever gives no name',
  app: 'is the user of services that have none of their own',
  replication: 'is the user of replicas and sentinels',
};
/** Characters of an id in ElastiCache, which begins with the names of the environment and of the service. */
const longestUserId = 40;

const usersAreFree: Check = (draft) =>
  Object.entries(draft.topology.aclUsers).flatMap(([name, { service }]) => {
    const id = `${draft.name ?? ''}-${service}-${name}`;
    const inElastiCache = draft.engine?.kind === 'aws' && draft.services[service]?.kind === 'redis';
    const path = `topology.aclUsers.${name}`;
    return [
      ...problemIf(takenUsers[name] !== undefined, path, `must have another name than ${name}, which ${takenUsers[name]}`),
      ...problemIf(
        inElastiCache && id.length > longestUserId,
        path,
        `must have a name of at most ${longestUserId - id.length + name.length} characters, got ${name.length}: ElastiCache takes ${longestUserId} for ${id}`,
      ),
    ];
  });

/** Characters of a topic's name in Kafka. */
const longestTopic = 249;

interface KafkaTopic {
  readonly name: string;
  readonly path: string;
  /** What the topic is, for people. */
  readonly what: string;
}

function kafkaTopics(draft: Draft, service: string): KafkaTopic[] {
  return carriedBy(draft.topology, 'kafka', service).flatMap(([name, topic]) => [
    { name, path: `topology.topics.${name}`, what: `topic ${name}` },
    ...deadLetterTopics(name, topic).map((dead, index) => ({
      name: dead,
      path: `topology.topics.${name}.consumers.${index}.group`,
      what: `the dead letters of ${topic.consumers[index]!.group} in ${name}`,
    })),
  ]);
}

/** Metrics of Kafka have _ where a topic has . in its name, and the broker refuses a topic whose metrics would be another one's. */
function clashes(topics: readonly KafkaTopic[]): Problem[] {
  return topics.flatMap(({ name, path }, index) => {
    const other = topics.slice(0, index).find((earlier) => metricName(earlier.name) === metricName(name));
    const how = other?.name === name ? 'is the same' : 'differs in . and _ only, which Kafka takes for the same';
    return problemIf(other !== undefined, path, `must have another name: ${name} ${how}, got ${other?.what}`);
  });
}

const metricName = (topic: string): string => topic.replaceAll('.', '_');

const kafkaTellsTopicsApart: Check = (draft) =>
  draft.names('services').flatMap((service) => {
    const topics = kafkaTopics(draft, service);
    return [
      ...topics.flatMap(({ name, path, what }) =>
        problemIf(
          name.length > longestTopic,
          path,
          `must be shorter: ${what} would be a topic of ${name.length} characters, Kafka takes ${longestTopic}`,
        ),
      ),
      ...clashes(topics),
    ];
  });

/** Indices behind an alias are numbered by the server, and its template stands for the numbers. */
const templatesDoNotOverlap: Check = ({ topology: { indices } }) =>
  Object.entries(indices).flatMap(([name, index]) => {
    const other = Object.keys(indices).find((each) => {
      const { dataStream, service } = indices[each]!;
      return !dataStream && service === index.service && name.startsWith(`${each}-0`);
    });
    return problemIf(
      other !== undefined,
      `topology.indices.${name}`,
      `must not begin with ${other}-0, got ${JSON.stringify(name)}: so are the indices behind ${other} called`,
    );
  });

/** Rules about names on each system, where it is stricter than the schema. */
export const nameChecks: readonly Check[] = [
  namesAreLegal,
  repositoriesHaveLegalNames,
  usersAreFree,
  kafkaTellsTopicsApart,
  templatesDoNotOverlap,
];
