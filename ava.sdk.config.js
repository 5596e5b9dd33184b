/** Real Linkis clients against a running node; needs Java, Maven and pip. */
export default {
  extensions: ['ts'],
  files: ['test/sdk/**/*.test.ts'],
  // Signals, child processes and process-wide state: a worker thread shares them with its neighbours.
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: '5m',
};
