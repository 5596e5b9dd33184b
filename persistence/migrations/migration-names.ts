/**
 * The schema's versions, oldest first; both dialects have each. Apart from the classes, so that a start on a current
 * schema need not load MikroORM. Changes are additive within one version step: N and N−1 run side by side during a
 * rolling restart.
 */
export const migrationNames = [
  '0001-seed-tables',
  '0002-tenon-tables',
  '0003-job-log-text',
  '0004-job-facets',
  '0005-configuration',
  '0006-audit',
  '0007-engine-records',
] as const;

export type MigrationName = (typeof migrationNames)[number];

export const migrationTable = 'tenon_migration';

/** True when every migration this build knows has run. Later ones, of a newer build, do no harm. */
export const isCurrent = (executed: readonly string[]): boolean =>
  migrationNames.every(name => executed.includes(name));
