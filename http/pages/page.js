/** The page: login, its tabs, and what is asked again and again. Plain DOM; what the server says is shown as text, never as HTML. */
import {ApiError, call, whenLoggedOut} from './api.js';
import {createEnginesView} from './engines-view.js';
import {createJobView} from './job-view.js';
import {createJobsView} from './jobs-view.js';
import {createNodesView} from './nodes-view.js';
import {createPoll} from './poll.js';
import {createQuotasView} from './quotas-view.js';
import {createTabs} from './tabs.js';

const refreshMs = 3000;
const patienceMs = 500;

/** @param {string} selector @returns {any} */
const one = selector => document.querySelector(selector);

const nodes = createNodesView(one('#nodes'));
const job = createJobView(one('#job'), {trying, onEnd: () => jobs.refresh()});
const jobs = createJobsView(one('#jobs'), {trying, open: openJob, opened: job.taskID});
const engines = createEnginesView(one('#engines'));
const quotas = createQuotasView(one('#quotas'));
const tabs = createTabs(one('#tabs'), showTab);
let user = '';

/* ---- who ---- */

function showDoor() {
  user = '';
  job.close();
  for (const view of [nodes, jobs, engines, quotas]) view.leave();
  listing.stop();
  tabs.leave();
  one('#door').hidden = false;
  for (const part of ['#room', '#who', '#tabs']) one(part).hidden = true;
  one('#login input').focus();
}

/** @param {string} name */
async function enter(name) {
  user = name;
  one('#who .name').textContent = name;
  one('#door').hidden = true;
  for (const part of ['#room', '#who', '#tabs']) one(part).hidden = false;
  await jobs.enter(name);
  await soon(nodes.enter());
  await goToAddress();
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
    if (!(error instanceof ApiError && error.status === -1))
      problem.textContent = error instanceof Error ? error.message : String(error);
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

/* ---- which view ---- */

/** @param {string} name */
function showTab(name) {
  if (name === 'jobs') void Promise.all([listing.start(), job.resume()]);
  else {
    listing.stop();
    job.pause();
  }
  if (name === 'engines') void engines.show();
  else engines.pause();
  if (name === 'quotas') void quotas.show();
  else quotas.pause();
  const taskID = job.taskID();
  const address = name === 'jobs' ? (taskID === undefined ? '' : String(taskID)) : name;
  if (location.hash.slice(1) !== address)
    history.replaceState(null, '', address === '' ? '/' : `#${address}`);
}

/** `#7`: a job; `#engines`: a tab. */
async function goToAddress() {
  const wanted = location.hash.slice(1);
  if (/^[1-9]\d{0,15}$/.test(wanted)) await openJob(Number(wanted));
  else tabs.select(tabs.has(wanted) ? wanted : 'jobs');
}

/** @param {number} taskID */
async function openJob(taskID) {
  if (tabs.chosen() === '') {
    await soon(job.open(taskID));
    tabs.select('jobs');
  } else {
    tabs.select('jobs');
    history.replaceState(null, '', `#${taskID}`);
    await job.open(taskID);
  }
  await listing.now();
}

/** What stands above others is waited for, so that it does not push them down; but nobody waits long. @param {Promise<void>} work */
const soon = work => Promise.race([work, new Promise(resolve => setTimeout(resolve, patienceMs))]);

addEventListener('hashchange', () => {
  if (user !== '') void goToAddress();
});

/* ---- what is asked again and again ---- */

const listing = createPoll(async () => {
  // Nodes say themselves what they can't be asked for; that nobody answers is seen at the health.
  await Promise.all([jobs.refresh().catch(() => undefined), nodes.refresh()]);
}, refreshMs);

const health = createPoll(async () => {
  const place = one('#health');
  try {
    const response = await fetch('/health/ready');
    const {status, why} = await response.json();
    place.className = response.ok ? 'up' : 'down';
    one('#health .text').textContent = response.ok ? status : why;
  } catch {
    place.className = 'down';
    one('#health .text').textContent = 'does not answer';
  }
}, refreshMs);

whenLoggedOut(showDoor);
void health.start();
call('user/userInfo').then(({userName}) => enter(userName), showDoor);
