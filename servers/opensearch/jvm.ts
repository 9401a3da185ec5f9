export interface JvmSettings {
  /** Folder of the distribution, which is only read. */
  readonly home: string;
  readonly configDir: string;
  readonly tmpDir: string;
  readonly heapMiB: number;
}

/** Arguments of `java` that run OpenSearch. */
export function jvmArguments({ home, configDir, tmpDir, heapMiB }: JvmSettings): string[] {
  const direct = Math.max(64, Math.round(heapMiB / 2));
  return [
    ...[`-Xms${heapMiB}m`, `-Xmx${heapMiB}m`, '-Xss1m', `-XX:MaxDirectMemorySize=${direct}m`, '-XX:+UseSerialGC'],
    // The first compiler alone: half the time to start, a quarter less memory; what is lost is peak throughput, which is not what a developer's machine is for.
    ...['-XX:TieredStopAtLevel=1', '-Xshare:auto', '-XX:-UsePerfData', '-XX:+IgnoreUnrecognizedVMOptions'],
    ...properties({
      'java.awt.headless': 'true',
      'file.encoding': 'UTF-8',
      'java.io.tmpdir': tmpDir,
      'java.locale.providers': 'SPI,CLDR',
      'java.security.manager': 'allow',
      'jna.nosys': 'true',
      'jna.tmpdir': tmpDir,
      'io.netty.noUnsafe': 'true',
      'io.netty.noKeySetOptimization': 'true',
      'io.netty.recycler.maxCapacityPerThread': '0',
      'io.netty.allocator.numDirectArenas': '0',
      'log4j.shutdownHookEnabled': 'false',
      'log4j2.disable.jmx': 'true',
      'opensearch.path.home': home,
      'opensearch.path.conf': configDir,
      'opensearch.distribution.type': 'tar',
      'opensearch.bundled_jdk': 'false',
    }),
    ...['-cp', `${home}/lib/*`, 'org.opensearch.bootstrap.OpenSearch'],
  ];
}

function properties(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `-D${name}=${value}`);
}

/** log4j2.properties: everything to standard output, which is the log of the process. */
export const log4j2Properties = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}{UTC}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;
