/** Every table of the database, for one dialect. */
import {authTokenEntity} from './auth-token.ts';
import type {EntityDialect} from './column-dialect.ts';
import {commonLockEntity} from './common-lock.ts';
import {idBlockEntity} from './id-block.ts';
import {instanceInfoEntity} from './instance-info.ts';
import {instanceLabelRelationEntity} from './instance-label-relation.ts';
import {instanceLabelEntity} from './instance-label.ts';
import {jobHistoryDetailEntity} from './job-history-detail.ts';
import {jobHistoryEntity} from './job-history.ts';
import {jobTextEntity} from './job-text.ts';
import {jobEntity} from './job.ts';
import {sessionEntity} from './session.ts';
import {sharedSecretEntity} from './shared-secret.ts';
import {tokenEntity} from './token.ts';
import {userEntity} from './user.ts';

/** The tables of the two seed texts, equal to their DDL column for column. */
export const seedEntities = (dialect: EntityDialect) => [
  jobHistoryEntity(dialect),
  jobHistoryDetailEntity(dialect),
  commonLockEntity(dialect),
  instanceLabelEntity(dialect),
  instanceInfoEntity(dialect),
  instanceLabelRelationEntity(dialect),
];

export const allEntities = (dialect: EntityDialect) => [
  ...seedEntities(dialect),
  authTokenEntity(dialect),
  jobEntity(dialect),
  jobTextEntity(dialect),
  idBlockEntity(dialect),
  userEntity(dialect),
  sessionEntity(dialect),
  sharedSecretEntity(dialect),
  tokenEntity(dialect),
];
