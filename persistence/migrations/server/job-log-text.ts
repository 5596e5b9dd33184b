/** Short logs stand in the row: see `actors/job-log.ts`. */
import {Migration} from '@mikro-orm/migrations';

export class JobLogText extends Migration {
  /** Repeatable: a server commits the change before the migration is noted, and a crash may come between. */
  override up(): void {
    this.addSql(`set @is_there = (select count(*) from information_schema.columns
      where table_schema = database() and table_name = 'tenon_job' and column_name = 'log_text')`);
    this.addSql(
      "set @change = if(@is_there > 0, 'do 0', 'alter table tenon_job add column log_text text null')",
    );
    this.addSql('prepare change_tenon_job from @change');
    this.addSql('execute change_tenon_job');
    this.addSql('deallocate prepare change_tenon_job');
  }
}
