export { type MigrationStatus, migrate, migrationSql, migrationStatus, requireMigrated } from './migrate.ts';
export { makePartitions, type PartitionOptions } from './partitions.ts';
