/** The page: login, the nodes for administrators, own jobs, and one job's live log. Plain DOM; what the server says is shown as text, never as HTML. */
import {ApiError, call, follow} from './api.js';
import {createLogView} from './log-view.js';
import {createNodesView} from './nodes-view.js';
import {showResults} from './result-view.js';

const refreshMs = 3000;
const ended = new Set(['Succeed', 'Failed', 'Cancelled', 'Timeout']);
/** Engine type labels need a version. */
const versions = {shell: 'shell-1', python: 'python-python3', jdbc: 'jdbc-4'};

/** @param {string} selector @returns {any} */
const one = selector => document.querySelector(selector);
const log = createLogView(one('#log'));
const nodes = createNodesView(one('#nodes'));

/** @type {{user: string, stop: () => void, taskID: number | undefined, execID: string}} */
const state = {user: '', stop: () => {}, taskID: undefined, execID: ''};

/* ---- who ---- */

function showDoor() {
  closeJob();
  nodes.leave();
  state.user = '';
  one('#door').hidden = false;
  one('#room').hidden = true;
  one('#who').hidden = true;
  one('#login input').focus();
}

/** @param {string} user */
async function enter(user) {
  state.user = user;
  one('#who .name').textContent = user;
  one('#door').hidden = true;
  one('#room').hidden = false;
  one('#who').hidden = false;
  const {engineType} = await call('configuration/engineType');
  one('#submit select').replaceChildren(
    ...engineType.map((/** @type {string} */ type) => {
      const option = document.createElement('option');
      option.value = versions[/** @type {keyof typeof versions} */ (type.split('-')[0])] ?? type;
      option.textContent = type;
      return option;
    }),
  );
  void nodes.enter();
  await refresh();
  const wanted = Number(location.hash.slice(1));
  if (wanted > 0) await openJob(wanted);
}

/** Runs what a form or button does; its failure is shown beside it. */
async function trying(/** @type {HTMLElement} */ place, /** @type {() => Promise<void>} */ action) {
  const problem = /** @type {HTMLElement} */ (place.querySelector('.problem'));
  const button = /** @type {HTMLButtonElement | null} */ (place.querySelector('button[type=submit]'));
  problem.textContent = '';
  if (button !== null) button.disabled = true;
  try {
    await action();
  } catch (error) {
    if (error instanceof ApiError && error.status === -1) showDoor();
    else problem.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    if (button !== null) button.disabled = false;
  }
}

one('#login').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const form = one('#login');
  void trying(form, async () => {
    const {userName} = await call('user/login', Object.fromEntries(new FormData(form)));
    form.reset();
    await enter(userName);
  });
});

one('#logout').addEventListener('click', async () => {
  await call('user/logout', {}).catch(() => undefined);
  showDoor();
});

/* ---- jobs ---- */

one('#submit').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const form = one('#submit');
  /** @type {string} */
  const engine = one('#submit select').value;
  /** @type {string} */
  const code = one('#submit textarea').value;
  void trying(form, async () => {
    const {taskID} = await call('entrance/submit', {
      executionContent: {code, runType: engine.split('-')[0]},
      labels: {engineType: engine, userCreator: `${state.user}-IDE`},
      params: {},
      source: {},
    });
    await refresh();
    await openJob(taskID);
  });
});

one('#submit textarea').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) one('#submit').requestSubmit();
});

async function refresh() {
  const {tasks} = await call('jobhistory/list?pageSize=50');
  one('#none').hidden = tasks.length > 0;
  one('#list').replaceChildren(...tasks.map(row));
}

/** @param {Record<string, any>} task */
function row({taskID, status, executionCode}) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  if (taskID === state.taskID) button.setAttribute('aria-current', 'true');
  button.append(
    part('id', String(taskID)),
    part('code', executionCode ?? ''),
    part(`pill ${status}`, status),
  );
  button.addEventListener('click', () => void openJob(taskID));
  item.append(button);
  return item;
}

/** @param {string} className @param {string} text */
function part(className, text) {
  const made = document.createElement('span');
  made.className = className;
  made.textContent = text;
  return made;
}

/* ---- one job ---- */

function closeJob() {
  state.stop();
  state.stop = () => {};
  state.taskID = undefined;
  one('#job').hidden = true;
}

/** @param {number} taskID */
async function openJob(taskID) {
  closeJob();
  state.taskID = taskID;
  history.replaceState(null, '', `#${taskID}`);
  const place = one('#job');
  place.hidden = false;
  one('#job h2').textContent = `Job ${taskID}`;
  one('#results').replaceChildren();
  log.clear();
  await trying(place, async () => {
    const {task} = await call(`jobhistory/${taskID}/get`);
    if (state.taskID !== taskID) return;
    state.execID = task.strongerExecId;
    showStatus(task.status);
    one('#job progress').value = Number(task.progress);
    state.stop = follow(taskID, frame => void take(frame));
  });
}

/** @param {string} status */
function showStatus(status) {
  const pill = one('#job .pill');
  pill.className = `pill ${status}`;
  pill.textContent = status;
  one('#kill').hidden = ended.has(status);
}

/** @param {Record<string, any>} frame */
async function take(frame) {
  switch (frame.type) {
    case 'status':
      showStatus(frame.status);
      break;
    case 'progress':
      one('#job progress').value = frame.progress;
      break;
    case 'log':
      for (const line of frame.lines) log.add(line);
      break;
    case 'gap':
      log.add(`Lines ${frame.fromLine} to ${frame.toLine} are missing: ${frame.why}`, 'gap');
      break;
    case 'error':
      one('#job .problem').textContent = frame.message;
      break;
    case 'end':
      showStatus(frame.status);
      one('#job progress').value = 1;
      await trying(one('#job'), showEnd);
      break;
  }
}

async function showEnd() {
  const {taskID} = state;
  await refresh();
  const {task} = await call(`jobhistory/${taskID}/get`);
  if (state.taskID !== taskID) return;
  if (task.errDesc !== null)
    one('#job .problem').textContent = `${task.errCode ?? ''} ${task.errDesc}`.trim();
  if (task.status === 'Succeed' && task.resultLocation !== null) {
    await showResults(one('#results'), task.resultLocation);
  }
}

one('#kill').addEventListener('click', () => {
  const button = one('#kill');
  button.disabled = true;
  void trying(one('#job'), async () => {
    await call(`entrance/${state.execID}/kill`, {});
  }).finally(() => {
    button.disabled = false;
  });
});

/* ---- health, and what is asked again and again ---- */

async function showHealth() {
  const health = one('#health');
  try {
    const response = await fetch('/health/ready');
    const {status, why} = await response.json();
    health.className = response.ok ? 'up' : 'down';
    one('#health .text').textContent = response.ok ? status : why;
  } catch {
    health.className = 'down';
    one('#health .text').textContent = 'does not answer';
  }
}

setInterval(() => {
  if (document.hidden) return;
  void showHealth();
  if (state.user !== '') {
    refresh().catch(error => {
      if (error instanceof ApiError && error.status === -1) showDoor();
    });
    void nodes.refresh();
  }
}, refreshMs);

void showHealth();
call('user/userInfo').then(({userName}) => enter(userName), showDoor);
