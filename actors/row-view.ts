/** A job as its row shows it, for whoever can't ask the node that has it: the true status, and the progress last written. */
import type {JobView} from './governance.ts';
import {specOf} from './job-intake.ts';
import {execIdOf} from './job-spawner.ts';
import type {StoredJob} from './ports.ts';

export function rowView(stored: StoredJob): JobView {
  const {id, status, progress, submitUser, executeUser, logPath} = stored.row;
  return {
    taskID: id,
    execID: execIdOf(stored, specOf(stored)),
    status,
    progress: Number(progress) || 0,
    progressInfo: [],
    submitUser,
    executeUser,
    logPath,
  };
}
