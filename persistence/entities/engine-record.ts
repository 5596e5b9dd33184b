/** `linkis_cg_ec_resource_info_record`: the history of engines, column for column as Linkis has it. */
import {defineEntity, p} from '@mikro-orm/core';
import {columnDialect, type EntityDialect} from './column-dialect.ts';

export function engineRecordEntity(dialect: EntityDialect) {
  const {now, seedCollation} = columnDialect(dialect);
  const text = (length: number) => ({type: 'string', length, ...seedCollation}) as const;
  const optionalText = (length: number) => ({...text(length), nullable: true}) as const;
  return defineEntity({
    name: 'EngineRecord',
    tableName: 'linkis_cg_ec_resource_info_record',
    properties: {
      id: p.integer().primary().autoincrement().unsigned(false),
      labelValue: {...text(255), comment: 'labels of the engine as text'},
      createUser: {...text(128), comment: 'whose engine it is'},
      serviceInstance: {...optionalText(128), comment: 'instance of the engine'},
      ecmInstance: {...optionalText(128), comment: 'instance of its ECM'},
      ticketId: {...text(100), index: 'idx_ticket_id', comment: 'id of the engine'},
      status: {...optionalText(50), comment: 'Starting, Unlock, Busy, ShuttingDown, Failed or Success'},
      logDirSuffix: {...optionalText(128), comment: 'name of its log directory'},
      requestTimes: p.integer().unsigned(false).nullable().comment('how often resources were requested'),
      requestResource: {...optionalText(1020), comment: 'requested resources'},
      usedTimes: p.integer().unsigned(false).nullable().comment('how often resources were used'),
      usedResource: {...optionalText(1020), comment: 'used resources'},
      metrics: {type: 'text', nullable: true, comment: 'metrics of the engine', ...seedCollation},
      releaseTimes: p.integer().unsigned(false).nullable().comment('how often resources were released'),
      releasedResource: {...optionalText(1020), comment: 'released resources'},
      releaseTime: p.datetime(0).nullable().comment('when resources were released'),
      usedTime: p.datetime(0).nullable().comment('when the engine became ready'),
      createTime: p.datetime(0).nullable().defaultRaw(now).comment('when the engine was asked for'),
    },
    uniques: [
      {name: 'uniq_tid_lv', properties: ['ticketId', 'labelValue']},
      {
        name: 'uniq_sinstance_status_cuser_ctime',
        properties: ['serviceInstance', 'status', 'createUser', 'createTime'],
      },
    ],
  });
}
