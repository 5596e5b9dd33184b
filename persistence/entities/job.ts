/**
 * `tenon_job`: our own facts about a job, and narrow copies of what lists filter by, with their own indexes (the
 * seeds' two are not enough and must not grow). Written in the same transaction as the row it belongs to.
 */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, longKey, type EntityDialect} from './column-dialect.ts';

export function jobEntity(dialect: EntityDialect) {
  const {binaryCollation} = columnDialect(dialect);
  const text = (length: number) => ({type: 'string', length, ...binaryCollation}) as const;
  const optionalText = (length: number) => ({...text(length), nullable: true}) as const;
  return defineEntity({
    name: 'Job',
    tableName: 'tenon_job',
    properties: {
      id: longKey(dialect).primary().autoincrement(false).unsigned(false),
      attempt: p.integer().unsigned(false).default(0),
      engineId: text(64),
      tenant: text(50),
      priority: p.integer().unsigned(false).default(100),
      killedBy: optionalText(50),
      idempotencyKey: optionalText(128),
      requestId: text(64),
      creator: text(50),
      codeType: text(50),
      logLines: p.bigint('number').unsigned(false).nullable(),
      /** A log too short for a file, after its first lines. */
      logText: p.text().nullable(),
      /** 1: some of the job's texts stand in `tenon_job_text`. */
      hasTexts: p.tinyint().unsigned(false).default(0),
      submitUser: text(50),
      executeUser: text(50),
      status: text(50),
      /** 1 while the job is unfinished, then null: an index to page through the unfinished ones in order of their ids. */
      isOpen: p.tinyint().unsigned(false).nullable(),
      engineType: text(32),
      /** `host:port` of the owner, in lower case. */
      instance: text(250),
      engineInstance: text(128),
      createdMs: p.bigint('number').unsigned(false),
      /** From creation to the last change. */
      costMs: p.bigint('number').unsigned(false),
      /** The row of `tenon_job_facet`; null until `history-upkeep.ts` has found it, when an older node wrote the job. */
      facet: p.integer().unsigned(false).nullable(),
      /** `costMs` once the job has ended: an index that is written once a job. */
      tookMs: p.bigint('number').unsigned(false).nullable(),
      /** From the submission until an engine was asked for, and from then until it had the job. */
      queuedMs: p.bigint('number').unsigned(false).nullable(),
      launchMs: p.bigint('number').unsigned(false).nullable(),
      /** Milliseconds by cause, as JSON, when the job's metrics have them. */
      waits: optionalText(1000),
    },
    uniques: [{name: 'uniq_tenon_job_idempotency', properties: ['submitUser', 'idempotencyKey']}],
    indexes: [
      {name: 'idx_tenon_job_took', properties: ['isOpen', 'tookMs']},
      {name: 'idx_tenon_job_created', properties: ['createdMs']},
      {name: 'idx_tenon_job_submit_user', properties: ['submitUser', 'createdMs']},
      {name: 'idx_tenon_job_status', properties: ['status', 'createdMs']},
      {name: 'idx_tenon_job_facet', properties: ['facet', 'status', 'createdMs']},
      {name: 'idx_tenon_job_engine', properties: ['engineInstance']},
    ],
  });
}
