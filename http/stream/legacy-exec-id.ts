/**
 * The execIDs that Linkis' socket speaks in (contract section 6): two digits each for the lengths of creator, engine
 * type and instance, then these three, then the short id. `030514IDEspark127.0.0.1:9104IDE_hadoop_spark_3`.
 */
import {parseExecId, taskIdOf} from '../../actors/domain/exec-id.ts';
import {instanceOf} from '../../actors/domain/owner.ts';
import type {StoredJob} from '../../actors/ports.ts';
import type {JobId} from '../job-access.ts';
import {shortIdOf} from '../task-view.ts';

const lengthMax = 99;

/** Lengths beyond two digits can't be written: such a part is left empty, and the short id still says which job it is. */
export function legacyExecIdOf(job: StoredJob): string {
  return print([job.facts.creator, job.row.engineType, instanceOf(job.row.instances)], job);
}

/** The variant of `waitingSize`, which leaves the creator out. */
export function waitingExecIdOf(job: StoredJob): string {
  return print([job.row.engineType, instanceOf(job.row.instances)], job);
}

function print(parts: readonly string[], job: StoredJob): string {
  const fitting = parts.map(part => (part.length > lengthMax ? '' : part));
  const lengths = fitting.map(({length}) => String(length).padStart(2, '0'));
  return [...lengths, ...fitting, shortIdOf(job) ?? ''].join('');
}

/** Reads either form; undefined for what is neither, or names no job of ours. */
export function parseAnyExecId(text: string): JobId | undefined {
  const shortId = parseExecId(text)?.shortId ?? legacyShortId(text);
  const taskID = shortId === undefined ? undefined : taskIdOf(shortId);
  return shortId === undefined || taskID === undefined ? undefined : {taskID, shortId};
}

function legacyShortId(text: string): string | undefined {
  const digits = /^(\d{2})(\d{2})(\d{2})/.exec(text);
  if (digits === null) return undefined;
  const [, creator, engine, instance] = digits;
  const end = 6 + Number(creator) + Number(engine) + Number(instance);
  return end < text.length ? text.slice(end) : undefined;
}
