/** Every table of the database, for one dialect. */
import {auditHeadEntity} from './audit-head.ts';
import {auditEntity} from './audit.ts';
import {authTokenEntity} from './auth-token.ts';
import type {EntityDialect} from './column-dialect.ts';
import {commonLockEntity} from './common-lock.ts';
import {configCategoryEntity} from './config-category.ts';
import {configGrantEntity} from './config-grant.ts';
import {configKeyRelationEntity} from './config-key-relation.ts';
import {configKeyEntity} from './config-key.ts';
import {configValueEntity} from './config-value.ts';
import {engineRecordEntity} from './engine-record.ts';
import {idBlockEntity} from './id-block.ts';
import {instanceInfoEntity} from './instance-info.ts';
import {instanceLabelRelationEntity} from './instance-label-relation.ts';
import {instanceLabelEntity} from './instance-label.ts';
import {jobDayEntity, sealedDayEntity} from './job-day.ts';
import {jobFacetEntity} from './job-facet.ts';
import {jobHistoryDetailEntity} from './job-history-detail.ts';
import {jobHistoryEntity} from './job-history.ts';
import {jobTextEntity} from './job-text.ts';
import {jobEntity} from './job.ts';
import {managerLabelEntity} from './manager-label.ts';
import {sessionEntity} from './session.ts';
import {sharedSecretEntity} from './shared-secret.ts';
import {tenantLabelConfigEntity} from './tenant-label-config.ts';
import {tokenEntity} from './token.ts';
import {userIpConfigEntity} from './user-ip-config.ts';
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
  auditEntity(dialect),
  auditHeadEntity(dialect),
  engineRecordEntity(dialect),
  authTokenEntity(dialect),
  jobEntity(dialect),
  jobTextEntity(dialect),
  jobFacetEntity(dialect),
  jobDayEntity(dialect),
  sealedDayEntity(dialect),
  idBlockEntity(dialect),
  userEntity(dialect),
  sessionEntity(dialect),
  sharedSecretEntity(dialect),
  tokenEntity(dialect),
  managerLabelEntity(dialect),
  configKeyEntity(dialect),
  configKeyRelationEntity(dialect),
  configValueEntity(dialect),
  configCategoryEntity(dialect),
  configGrantEntity(dialect),
  tenantLabelConfigEntity(dialect),
  userIpConfigEntity(dialect),
];
