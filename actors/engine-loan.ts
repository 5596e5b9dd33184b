/**
 * An engine without a job: taken from the pool like any other, within quota, and given back by hand. Linkis' `requestEngine`
 * and `releaseEngine`, for who embeds a node and wants one ready, or for itself.
 */
import {ReportedError} from './ecm-errors.ts';
import type {EngineKey} from './engine-key.ts';
import type {EnginePoolCommand} from './engine-pool-protocol.ts';
import {LinkisError} from './domain/errors.ts';
import type {GrantedEngine, JobReport} from './job-protocol.ts';
import {callbackRef} from './runtime/callback-ref.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';

/** No engine could be had in time; it was not taken. `tenon why` of a job of the same user says what is in the way. */
export class EngineWaitError extends LinkisError {
  override readonly name = 'EngineWaitError';
  readonly code = 20972;
  override readonly retryable = true;

  constructor({engineType, user}: EngineKey, timeoutMs: number) {
    super(
      `No ${engineType} engine of ${user} could be had within ${timeoutMs} ms. Wait longer, or look at quotas and hosts with` +
        ' tenon quota and tenon engines ecms.',
    );
  }
}

export type EngineLoans = {
  /** `isFresh`: one that has run nothing yet. Rejects with `EngineWaitError`, or with why there can be none. */
  readonly request: (key: EngineKey, isFresh: boolean, timeoutMs: number) => Promise<GrantedEngine>;
  /** It is idle from then on; of one that is not lent nothing changes. */
  readonly release: (engineId: string) => void;
};

export function lendEngines(pool: Ref<EnginePoolCommand>, clock: Clock): EngineLoans {
  const lent = new Set<string>();
  let requests = 0;
  return {
    request(key, isFresh, timeoutMs) {
      requests += 1;
      // Below all jobs: their numbers begin at 1.
      const taskID = -requests;
      return new Promise((resolve, reject) => {
        let isOver = false;
        const replyTo = callbackRef<JobReport>(`/engine-loans/${requests}`, report => {
          if (report.type === 'engineGranted') {
            const {engine} = report;
            if (isOver) pool.tell({type: 'release', engineId: engine.engineId, isReusable: true});
            else {
              lent.add(engine.engineId);
              settle(() => resolve(engine));
            }
          } else if (report.type === 'engineDenied') settle(() => reject(new ReportedError(report.failure)));
        });
        const cancel = clock.after(timeoutMs, () => {
          pool.tell({type: 'cancelRequest', taskID, attempt: 1, key});
          settle(() => reject(new EngineWaitError(key, timeoutMs)));
        });
        function settle(done: () => void): void {
          if (isOver) return;
          isOver = true;
          cancel();
          done();
        }
        pool.tell({
          type: 'requestEngine',
          taskID,
          attempt: 1,
          key,
          executeOnce: isFresh,
          sinceMs: clock.now(),
          replyTo,
        });
      });
    },
    release(engineId) {
      if (lent.delete(engineId)) pool.tell({type: 'release', engineId, isReusable: true});
    },
  };
}
