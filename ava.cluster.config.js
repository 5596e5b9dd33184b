/** Clusters of whole nodes as processes of their own, with faults; needs Python 3 for the engines. */
export default {
  extensions: ['ts'],
  files: ['test/cluster-e2e/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '3m',
};
