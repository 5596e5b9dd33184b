/**
 * What only a node of a cluster needs. Loaded when there is a cluster: its schemas, codec and links would cost a node that
 * stands alone some 9 MB.
 */
import {clusterEngineDriver} from './actors/ecm-driver.ts';
import {drainNode, startNodeService} from './actors/node-service.ts';
import {resultSink} from './engines/result-sink.ts';
import {startEngineHost} from './node-engines.ts';
import {openClusterEndpoint} from './node-endpoint.ts';
import {manageCluster, managers} from './node-manager.ts';
import {filesOfCluster, governanceOfCluster, offerJobs} from './node-entrances.ts';

export const clusterParts = {
  openClusterEndpoint,
  startNodeService,
  drainNode,
  clusterEngineDriver,
  resultSink,
  startEngineHost,
  filesOfCluster,
  governanceOfCluster,
  manageCluster,
  managers,
  offerJobs,
} as const;
