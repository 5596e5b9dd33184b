/** Whole nodes as processes of their own; needs Python 3 for the engines. */
export default {
  extensions: ['ts'],
  files: ['test/e2e/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  concurrency: 1,
  serial: false,
  timeout: '3m',
};
