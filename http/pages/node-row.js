/** One node as a row of the section "Nodes": its words, its chips, and the buttons for what can be done with it. */

import {breakable, button, make, write} from './element.js';

/** @typedef {{state: string, rttMs: number | null, bytesIn: number, bytesOut: number, queued: number}} Link */
/**
 * As `cluster/nodes` answers; `jobs` is null where they are not known.
 *
 * @typedef {{instance: string, state: string, roles: string[], labels: Record<string, string> | null,
 *   isOffline: boolean, isSelf: boolean, isReachable: boolean, url: string | null, link: Link | null,
 *   jobs?: {running: number, queued: number} | null}} ClusterNode
 */
/** @typedef {{element: HTMLElement, show: (node: ClusterNode, isAlone: boolean) => void}} Row */

/** One word for what the lease, the labels and the link say. @param {ClusterNode} node */
export function stateOf({state, isReachable, isOffline}) {
  if (!isReachable) return 'unreachable';
  return isOffline && state === 'up' ? 'offline' : state;
}

/**
 * @param {string} instance
 * @param {{run: (path: string, body: object) => Promise<void>, askToDrain: (node: ClusterNode) => void}} actions
 * @returns {Row}
 */
export function createRow(instance, {run, askToDrain}) {
  const element = document.createElement('li');
  const dot = make('span', 'dot');
  const state = make('span', 'state');
  const roles = make('span', 'roles');
  const labels = make('span', 'labels');
  const link = make('span', 'link');
  const jobs = make('span', 'jobs');
  const facade = /** @type {HTMLAnchorElement} */ (make('a', 'facade', 'open ↗'));
  const shift = button('Take offline', 'quiet');
  const drain = button('Drain…', 'quiet drain');
  const actions = make('span', 'actions');
  actions.append(facade, shift, drain);
  const who = make('span', 'who');
  who.append(...breakable(instance));
  const status = make('span', 'status');
  status.append(dot, state);
  const what = make('span', 'what');
  what.append(roles, labels);
  element.append(status, who, what, jobs, link, actions);

  facade.target = '_blank';
  facade.rel = 'noopener noreferrer';
  /** @type {ClusterNode} */
  let shown;
  shift.addEventListener('click', () => {
    const name = shown.isOffline ? 'backonline' : 'markoffline';
    const path = `entrance/operation/label/${name}?instance=${encodeURIComponent(instance)}`;
    shift.disabled = true;
    void run(path, {}).finally(() => {
      shift.disabled = false;
    });
  });
  drain.addEventListener('click', () => askToDrain(shown));

  return {
    element,
    show(node, isAlone) {
      shown = node;
      const word = stateOf(node);
      element.className = word;
      write(state, word);
      write(roles, node.roles.join(' · '));
      showLabels(labels, node.labels);
      write(link, isAlone ? '' : linkText(node));
      link.title = linkTitle(node.link);
      link.classList.toggle('suspect', node.link !== null && node.link.state !== 'up');
      write(jobs, jobsText(node.jobs));
      const href = facadeOf(node);
      facade.hidden = href === '';
      if (facade.href !== href) facade.href = href;
      const isEntrance = node.roles.includes('entrance');
      // Alone, it has nobody who would take its jobs; only the way back is offered.
      shift.hidden = !isEntrance || node.state === 'leaving' || (isAlone && !node.isOffline);
      write(shift, node.isOffline ? 'Back online' : 'Take offline');
      shift.title = node.isOffline ? 'It takes new jobs again.' : 'It takes no new jobs; those it has go on.';
      drain.hidden = isAlone;
      drain.disabled = node.state === 'leaving';
    },
  };
}

/** Offline is a state here. @param {HTMLElement} place @param {Record<string, string> | null} labels */
function showLabels(place, labels) {
  const texts = Object.entries(labels ?? {})
    .filter(([key]) => key !== 'offline')
    .map(([key, value]) => `${key}=${value}`);
  if (texts.join('\n') === [...place.children].map(chip => chip.textContent).join('\n')) return;
  place.replaceChildren(...texts.map(text => make('span', 'chip', text)));
}

/** @param {ClusterNode} node */
function linkText({isSelf, link}) {
  if (isSelf) return 'this node';
  if (link === null) return 'no link';
  if (link.state !== 'up') return `link ${link.state}`;
  if (link.rttMs === null) return 'linked';
  return `↔ ${link.rttMs < 10 ? link.rttMs.toFixed(1) : Math.round(link.rttMs)} ms`;
}

/** @param {Link | null} link */
function linkTitle(link) {
  if (link === null) return '';
  const {state, bytesIn, bytesOut, queued} = link;
  const bytes = `${bytesIn.toLocaleString('en')} bytes in, ${bytesOut.toLocaleString('en')} out`;
  return `Link ${state}: round trip and ${bytes}; ${queued} messages wait`;
}

/** @param {ClusterNode['jobs']} jobs */
function jobsText(jobs) {
  if (jobs === null || jobs === undefined) return '';
  const parts = [
    ...(jobs.running > 0 ? [`${jobs.running} running`] : []),
    ...(jobs.queued > 0 ? [`${jobs.queued} queued`] : []),
  ];
  return parts.join(', ') || 'idle';
}

/** Where a browser finds the node's own page; a node that listens everywhere is found at its own name. @param {ClusterNode} node */
function facadeOf({url, instance, isSelf}) {
  if (isSelf || url === null || !/^https?:\/\//.test(url) || !URL.canParse(url)) return '';
  const address = new URL(url);
  if (/^(?:0\.0\.0\.0|\[::\])$/.test(address.hostname))
    address.hostname = instance.slice(0, instance.lastIndexOf(':'));
  return address.href;
}
