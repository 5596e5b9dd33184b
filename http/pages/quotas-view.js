/**
 * The tab "Quotas": what users, and for administrators tenants, have in use of what they may have. Administrators change a
 * limit where it stands, and may ask for those of anybody.
 */
import {ApiError, call} from './api.js';
import {createRows, write} from './element.js';
import {createPoll} from './poll.js';
import {createQuotaRow, keyOf} from './quota-row.js';

/** @import {Quota} from './quota-row.js' */

const refreshMs = 4000;
const shownMax = 200;

/** @param {HTMLElement} place */
export function createQuotasView(place) {
  /** @param {string} selector @returns {any} */
  const one = selector => place.querySelector(selector);
  const [problem, done, form] = [one('.problem'), one('.done'), one('#whose')];
  /** @param {Quota} quota */
  const createRow = quota => createQuotaRow(quota, save);
  const showUsers = createRows(one('#users tbody'), createRow);
  const showTenants = createRows(one('#tenants tbody'), createRow);
  let query = '';

  const poll = createPoll(async isWanted => {
    const asked = query;
    try {
      const {quotas, tenants} = await call(`rest_j/v1/rm/quota${asked}`);
      if (!isWanted() || asked !== query) return;
      write(problem, '');
      show(quotas, tenants);
    } catch (error) {
      if (!isWanted() || asked !== query) return;
      const isAnswer = error instanceof ApiError;
      write(problem, isAnswer ? error.message : 'The node does not answer. This is how it was.');
    }
  }, refreshMs);

  /** @param {Quota[]} quotas @param {Quota[] | undefined} tenants only administrators are told of them */
  function show(quotas, tenants) {
    const isAdmin = tenants !== undefined;
    form.hidden = !isAdmin;
    one('.lead').hidden = false;
    write(one('.lead'), isAdmin ? forAdmins : forUsers);
    const shown = quotas.toSorted(byOwner).slice(0, shownMax);
    showUsers(
      shown.map(quota => ({...quota, isEditable: isAdmin})),
      keyOf,
    );
    one('#users').hidden = shown.length === 0;
    one('.empty').hidden = shown.length > 0;
    const hidden = quotas.length - shown.length;
    write(one('.more'), hidden === 0 ? '' : `${hidden} more are not shown. Name a user to find them.`);
    // A tenant is known by its name alone.
    const named = (tenants ?? []).map(({tenant, max, used, ...jobs}) => ({tenant, max, used, ...jobs}));
    showTenants(
      named.map(tenant => ({...tenant, isEditable: true})),
      keyOf,
    );
    one('#tenants').hidden = named.length === 0;
  }

  /** @param {{scope: object, configKey: string, configValue: string, what: string}} change */
  async function save({scope, configKey, configValue, what}) {
    write(done, '');
    const body = {...scope, configKey};
    if (configValue === '') await call('rest_j/v1/configuration/keyvalue', body, 'DELETE');
    else await call('rest_j/v1/configuration/keyvalue', {...body, configValue});
    await poll.now();
    write(done, configValue === '' ? `${what}: the default holds again.` : `${what} is ${configValue} now.`);
  }

  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const parts = ['user', 'creator'].flatMap(name => {
      /** @type {string} */
      const value = form.querySelector(`[name=${name}]`).value.trim();
      return value === '' ? [] : [`${name}=${encodeURIComponent(value)}`];
    });
    query = parts.length === 0 ? '' : `?${parts.join('&')}`;
    write(done, '');
    void poll.now();
  });

  return {
    show: poll.start,
    pause: poll.stop,
    leave() {
      poll.stop();
      query = '';
      form.reset();
      showUsers([], keyOf);
      showTenants([], keyOf);
      for (const part of [form, one('#users'), one('#tenants'), one('.empty'), one('.lead')])
        part.hidden = true;
      for (const text of [problem, done, one('.more')]) write(text, '');
    },
  };
}

const forUsers = 'What you have in use of what you may have. Administrators change the limits.';
const forAdmins =
  'In use of what may be. Choose a limit to change it; it holds at once, and an empty one brings the default back.';

/** @param {Quota} a @param {Quota} b */
function byOwner(a, b) {
  const [one, other] = [a, b].map(({user, creator, engineType}) => [user, creator, engineType].join('\n'));
  return (one ?? '') < (other ?? '') ? -1 : 1;
}
