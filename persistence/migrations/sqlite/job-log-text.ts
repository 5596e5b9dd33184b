/** Short logs stand in the row: see `actors/job-log.ts`. */
import {Migration} from '@mikro-orm/migrations';

export class JobLogText extends Migration {
  override up(): void {
    this.addSql('alter table tenon_job add column log_text text null');
  }
}
