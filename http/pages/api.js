/** Calls the REST surface and follows jobs on the stream, as any client could. */

/** Thrown with the text that the server gave. */
export class ApiError extends Error {
  name = 'ApiError';
  /** @param {string} message @param {number} status envelope status; -1: not logged in */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

let tellLoggedOut = () => {};

/** Whoever asks, and whatever for: one place is told that the login has ended. @param {() => void} listener */
export function whenLoggedOut(listener) {
  tellLoggedOut = listener;
}

/**
 * @param {string} path after `/api/`
 * @param {object} [body]
 * @param {string} [method]
 * @returns {Promise<Record<string, any>>} the envelope's `data`
 */
export async function call(path, body, method = body === undefined ? 'GET' : 'POST') {
  const response = await fetch(`/api/${path}`, {
    method,
    ...(body !== undefined && {headers: {'content-type': 'application/json'}, body: JSON.stringify(body)}),
  });
  const {status, message, data} = await response.json();
  if (status === -1) tellLoggedOut();
  if (status !== 0) throw new ApiError(message, status);
  return data;
}

const retryFirstMs = 300;
const retryMaxMs = 10_000;
/** Our login ended, or the job is not ours: asking again would be answered the same. */
const closedForGood = new Set([1008, 4401, 4403]);

/**
 * Follows one job until it ends. A lost connection is made anew and goes on with the next line.
 *
 * @param {number} taskID
 * @param {(frame: Record<string, any>) => void} onFrame
 * @returns {() => void} ends the following
 */
export function follow(taskID, onFrame) {
  let nextLine = 0;
  let isOver = false;
  let retryMs = retryFirstMs;
  /** @type {WebSocket} */
  let socket;
  /** @type {number | undefined} */
  let timer;

  function connect() {
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/v1/stream`);
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({type: 'subscribe', taskID, fromLine: nextLine}));
    });
    socket.addEventListener('message', ({data}) => {
      const frame = JSON.parse(data);
      if (frame.taskID !== taskID || isOver) return;
      retryMs = retryFirstMs;
      if (frame.type === 'log') nextLine = frame.fromLine + frame.lines.length;
      if (frame.type === 'gap') nextLine = frame.toLine;
      if (frame.type === 'end' || frame.type === 'error') stop();
      onFrame(frame);
    });
    socket.addEventListener('close', ({code}) => {
      if (isOver || closedForGood.has(code)) return;
      timer = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, retryMaxMs);
    });
  }

  function stop() {
    isOver = true;
    clearTimeout(timer);
    socket.close();
  }

  connect();
  return stop;
}
