/**
 * The nodes of the cluster, for administrators: what each one is, how it is reached from here, and what it has to do. Rows
 * are kept and changed in place, so that a poll takes no button from under the pointer.
 */
import {ApiError, call} from './api.js';
import {write} from './element.js';
import {createRow, stateOf} from './node-row.js';

/** @import {ClusterNode, Row} from './node-row.js' */

const refusedStatus = 1;

/** @param {HTMLElement} place the section; hidden until there is something to show */
export function createNodesView(place) {
  /** @param {string} selector @returns {any} */
  const one = selector => place.querySelector(selector);
  const list = one('ol');
  const problem = one('.problem');
  /** @type {Map<string, Row>} by instance */
  const rows = new Map();
  let isForUs = false;
  let isAsking = false;
  /** Answers to questions of before are not shown. */
  let visit = 0;

  /** @param {ClusterNode[]} nodes */
  function show(nodes) {
    const isAlone = nodes.length === 1;
    const named = new Set(nodes.map(({instance}) => instance));
    for (const [instance, {element}] of rows) {
      if (named.has(instance)) continue;
      element.remove();
      rows.delete(instance);
    }
    for (const [at, node] of nodes.entries()) {
      const row = rows.get(node.instance) ?? createRow(node.instance, {run, askToDrain});
      rows.set(node.instance, row);
      row.show(node, isAlone);
      if (list.children[at] !== row.element) list.insertBefore(row.element, list.children[at] ?? null);
    }
    place.classList.toggle('alone', isAlone);
    if (isAlone) one('details').open = true;
    write(one('.summary'), summaryOf(nodes));
    one('.summary').classList.toggle('bad', nodes.some(isAmiss));
    place.hidden = nodes.length === 0;
  }

  async function refresh() {
    if (!isForUs || isAsking) return;
    const asked = visit;
    isAsking = true;
    try {
      const {nodes} = await call('cluster/nodes');
      if (asked !== visit) return;
      // What an action could not do stays until the next one.
      if (problem.textContent === stale) write(problem, '');
      show(nodes);
    } catch (error) {
      if (asked !== visit) return;
      // Not an administrator, which asking again does not change.
      if (error instanceof ApiError && error.status === refusedStatus) leave();
      else if (!(error instanceof ApiError && error.status === -1)) write(problem, stale);
    } finally {
      isAsking = false;
    }
  }

  /** @param {string} path @param {object} body */
  async function run(path, body) {
    write(problem, '');
    try {
      await call(path, body);
      await refresh();
    } catch (error) {
      write(problem, error instanceof Error ? error.message : String(error));
    }
  }

  const dialog = one('dialog');
  /** @param {ClusterNode} node */
  function askToDrain({instance, isSelf}) {
    dialog.returnValue = '';
    dialog.dataset.instance = instance;
    write(dialog.querySelector('h3'), `Drain ${instance}?`);
    write(
      dialog.querySelector('.self'),
      isSelf ? ' This page is served by it and will lose its connection.' : '',
    );
    dialog.showModal();
  }
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'drain') void run('cluster/drain', {instance: dialog.dataset.instance});
  });

  function leave() {
    visit += 1;
    isForUs = false;
    dialog.close();
    place.hidden = true;
    rows.clear();
    list.replaceChildren();
    write(problem, '');
  }

  return {
    /** Somebody has logged in: looks whether the nodes are for them to see. */
    enter() {
      leave();
      isForUs = true;
      isAsking = false;
      return refresh();
    },
    leave,
    refresh,
  };
}

const stale = 'The nodes could not be asked for; this is how they were.';

/** @param {ClusterNode} node */
const isAmiss = ({isReachable}) => !isReachable;

/** @param {ClusterNode[]} nodes */
function summaryOf(nodes) {
  if (nodes.length === 1) return '';
  const counts = new Map();
  for (const node of nodes) counts.set(stateOf(node), (counts.get(stateOf(node)) ?? 0) + 1);
  if (counts.get('up') === nodes.length) return `${nodes.length}, all up`;
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}
