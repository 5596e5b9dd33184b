/**
 * Tenon as a library: the public surface of the package.
 *
 *     const cluster = await createCluster({data: './tenon-data'});
 *     const {taskID} = await cluster.submit({user: 'alice', engineType: 'shell-1', code: 'echo hello'});
 *     const {status} = await cluster.ended(taskID);
 *     await cluster.close();
 */
export {createCluster, type Cluster, type ClusterOptions, type JobRequest} from './embedded-cluster.ts';
export type {ClusterServices, EngineRequest, RequestedEngine, TaskResult} from './embedded-services.ts';
export type {JobWhy} from './actors/governance.ts';
export type {EcmView, EngineMetrics, EngineView, KillReceipt, Resources} from './actors/engine-governance.ts';
export {ConfigError} from './config.ts';
export {LinkisError} from './actors/domain/errors.ts';
export type {JobStatus, ProgressInfo, TerminalStatus} from './actors/domain/job.ts';
export type {Accepted, JobNews, JobView, KillReport} from './actors/governance.ts';
export type {
  EngineDriver,
  EngineHandle,
  EngineLaunch,
  EngineTask,
  EngineEvent,
  TaskEnd,
  LogChunk,
} from './actors/ports.ts';
