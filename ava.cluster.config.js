/** Clusters of whole nodes as processes of their own, with faults; needs Python 3 for the engines. */
export default {
  extensions: ['ts'],
  files: ['test/cluster-e2e/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  // They mostly wait: for leases, for jobs that sleep.
  concurrency: 2,
  serial: false,
  timeout: '3m',
};
