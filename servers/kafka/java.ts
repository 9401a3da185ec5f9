import { join } from 'node:path';

/** Where the programs lie. */
export interface KafkaPrograms {
  /** Path of `java`. */
  readonly java: string;
  /** Folder of the distribution. */
  readonly home: string;
}

/** Classes as a broker has them in memory, in the folder of the distribution; Java does without when it is missing or another Java's. */
const archive = 'kafka.jsa';
const useArchive = `-XX:SharedArchiveFile=${archive}`;

/** The same options for a run that writes the archive when it ends. */
export function archivingOptions(options: readonly string[]): string[] {
  // It warns of each class that is too old to be archived.
  const write = [`-XX:ArchiveClassesAtExit=${archive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
  return [...write, ...options.filter((option) => option !== useArchive)];
}

/**
 * Options of a Java that runs one of Kafka's programs with so much heap; `dir` has log4j2.properties.
 *
 * It is to run in the folder of the distribution: archived classes are only taken when the path of the libraries reads as it did when they were archived.
 */
export function javaOptions(dir: string, memoryMiB: number): string[] {
  return [
    // The heap grows when it is needed; most brokers of developers stay below half of it.
    ...[`-Xms${Math.min(64, memoryMiB)}m`, `-Xmx${memoryMiB}m`],
    // Threads and cards of the parallel collectors are of no use to a heap this small.
    '-XX:+UseSerialGC',
    // The quick compiler alone: a start costs 3.2 s of CPU instead of 4.8 s and 30 MiB less, and 22,000 events of 1 KB a second are enough (54,000 with both).
    '-XX:TieredStopAtLevel=1',
    ...['-XX:MaxMetaspaceSize=128m', '-XX:ReservedCodeCacheSize=64m', '-Xss512k'],
    // A broker without memory is neither up nor down.
    '-XX:+ExitOnOutOfMemoryError',
    // Otherwise it keeps a file in the temporary folder.
    '-XX:-UsePerfData',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${log4jFile(dir)}`,
    useArchive,
    ...['-cp', join('libs', '*')],
  ];
}

export function log4jFile(dir: string): string {
  return join(dir, 'log4j2.properties');
}

/** To standard output, which is the server's log; every setting that a broker starts with would be a line of its own. */
export const log4jProperties = `status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = stdout
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = WARN
logger.info.name = org.apache.kafka.common.utils.AppInfoParser
logger.info.level = WARN
`;
