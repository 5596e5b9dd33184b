/** Rows of jobs as a submission leaves them. */
import type {JobFacts, JobRow, StoredJob} from '../../actors/ports.ts';

export function storedJob(row: Partial<JobRow> & {id: number}, facts: Partial<JobFacts> = {}): StoredJob {
  const {id} = row;
  return {
    row: {
      jobReqId: `IDE_alice_shell_${id}`,
      submitUser: 'alice',
      executeUser: 'alice',
      source: '{}',
      labels: '{"engineType":"shell-1","userCreator":"alice-IDE","codeType":"shell"}',
      params: '{}',
      progress: '0.0',
      status: 'Inited',
      logPath: `/logs/${id}.log`,
      errorCode: null,
      errorDesc: null,
      createdTime: 1_700_000_000_000,
      updatedTime: 1_700_000_000_000,
      instances: 'o#i#1',
      metrics: '{}',
      engineType: 'shell',
      executionCode: 'echo 1',
      resultLocation: `/results/${id}`,
      observeInfo: null,
      ...row,
    },
    facts: {
      attempt: 0,
      engineId: '',
      tenant: '',
      priority: 100,
      killedBy: null,
      idempotencyKey: null,
      requestId: 'r',
      creator: 'IDE',
      codeType: 'shell',
      preparedCode: null,
      logLines: null,
      logText: null,
      ...facts,
    },
  };
}
