/** SQL tasks on a real jdbc engine. */
import type {ExecutionContext} from 'ava';
import type {EngineHandle} from '../../actors/ports.ts';
import {engineLab, runForResults, type EngineLab, type Ran} from './engine-lab.ts';

export type SqlLab = {
  readonly lab: EngineLab;
  readonly engine: EngineHandle;
  /** Runs a task to its confirmed end. */
  readonly sql: (code: string, params?: Readonly<Record<string, unknown>>) => Promise<Ran>;
};

export async function sqlLab(t: Pick<ExecutionContext, 'teardown' | 'fail'>): Promise<SqlLab> {
  const lab = await engineLab(t);
  const engine = await lab.launch('jdbc');
  let taskID = 0;
  return {
    lab,
    engine,
    sql(code, params = {}) {
      taskID += 1;
      return runForResults(lab, engine, code, {taskID, codeType: 'sql', runtimeParams: params});
    },
  };
}

/** A stored table as its columns (`name type`) and rows; null for SQL's null. */
export function tableOf(stored: string | undefined): {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
} {
  const bytes = Buffer.from(stored ?? '');
  const records: Buffer[] = [];
  for (let at = 17; at < bytes.length;) {
    const end = at + 10 + Number(bytes.toString('latin1', at, at + 10));
    records.push(bytes.subarray(at + 10, end));
    at = end;
  }
  const [head = Buffer.alloc(0), ...rest] = records;
  const names = cellsOf(head);
  return {
    columns: Array.from({length: names.length / 3}, (_, n) => `${names[n * 3]} ${names[n * 3 + 1]}`),
    rows: rest.map(cellsOf),
  };
}

function cellsOf(record: Buffer): (string | null)[] {
  const start = 10 + Number(record.toString('latin1', 0, 10));
  const lengths = record.toString('latin1', 10, start).split(',').slice(0, -1);
  let at = start;
  return lengths.map(length => {
    const text = record.toString('utf8', at, at + Number(length));
    at += Number(length);
    return text === 'LINKIS_NULL' ? null : text;
  });
}
