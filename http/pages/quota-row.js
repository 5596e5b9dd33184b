/** One row of quotas: of a user, creator and engine type, or of a tenant. */
import {memoryText, printCount, printMemory, printMemoryShare} from './amounts.js';
import {make} from './element.js';
import {versionOf} from './engine-type.js';
import {createQuotaCell} from './quota-cell.js';

/** @import {Resources} from './engine-row.js' */
/** @typedef {{memoryBytes: number | null, cores: number | null, instances: number | null}} Limits */
/**
 * As `rm/quota` answers; a limit of null is none. Those of tenants have no user, creator and engine type, and no `locked`.
 *
 * @typedef {{user?: string, creator?: string, engineType?: string, tenant: string, max: Limits, used: Resources,
 *   locked?: Resources, runningJobs: number, runningMax: number | null, queuedJobs: number, waitingMax: number | null}} Quota
 */
/** @typedef {{name: string, userKey: string, tenantKey: string, of: (quota: Quota) => [number, number, number | null]}} Column */

/** `of`: in use, reserved beyond that, and the limit. @type {readonly Column[]} */
const columns = [
  {
    name: 'Memory',
    userKey: 'wds.linkis.rm.client.memory.max',
    tenantKey: 'tenon.tenant.memory.max',
    of: ({used, locked, max}) => [used.memoryBytes, locked?.memoryBytes ?? 0, max.memoryBytes],
  },
  {
    name: 'Cores',
    userKey: 'wds.linkis.rm.client.core.max',
    tenantKey: 'tenon.tenant.cores.max',
    of: ({used, locked, max}) => [used.cores, locked?.cores ?? 0, max.cores],
  },
  {
    name: 'Engines',
    userKey: 'wds.linkis.rm.instance',
    tenantKey: 'tenon.tenant.instances.max',
    of: ({used, locked, max}) => [used.instances, locked?.instances ?? 0, max.instances],
  },
  {
    name: 'Running',
    userKey: 'wds.linkis.engine.running.job.max',
    tenantKey: 'tenon.tenant.running.max',
    of: ({runningJobs, runningMax}) => [runningJobs, 0, runningMax],
  },
  {
    name: 'Waiting',
    userKey: 'tenon.queue.waiting.max',
    tenantKey: 'tenon.tenant.waiting.max',
    of: ({queuedJobs, waitingMax}) => [queuedJobs, 0, waitingMax],
  },
];

const memoryRule = {
  form: /^[1-9]\d{0,8}(?:[kmgt]b?)?$/i,
  hint: 'Write an amount such as 20G or 512M, or nothing for the default.',
};
const countRule = {
  form: /^[1-9]\d{0,8}$/,
  hint: 'Write a whole number from 1, or nothing for the default.',
};

/** @param {Quota} quota */
export const keyOf = ({user, creator, engineType, tenant}) =>
  JSON.stringify(user === undefined ? [tenant] : [user, creator, engineType]);

/** In words, for messages and for who can't see the row. @param {Quota} quota */
export const whoseOf = ({user, creator, engineType, tenant}) =>
  user === undefined
    ? `tenant ${tenant}`
    : `${anyOr(user, 'everybody')}, ${anyOr(creator, 'any creator')}, ${engineType}`;

/** What the configuration knows it by; limits hold for an engine type in every version. @param {Quota} quota */
const scopeOf = ({user, creator, engineType, tenant}) =>
  user === undefined
    ? {tenant}
    : {user, creator, engineType, version: engineType === undefined ? undefined : versionOf(engineType)};

/**
 * @param {Quota} first
 * @param {(change: {scope: object, configKey: string, configValue: string, what: string}) => Promise<void>} save
 */
export function createQuotaRow(first, save) {
  const whose = whoseOf(first);
  const cells = columns.map(({name, userKey, tenantKey, of}) => {
    const configKey = first.user === undefined ? tenantKey : userKey;
    const rule = name === 'Memory' ? memoryRule : countRule;
    const cell = createQuotaCell(name, whose, rule, configValue =>
      save({scope: scopeOf(first), configKey, configValue, what: `${name} of ${whose}`}),
    );
    return {...cell, name, of};
  });
  const element = make('tr', '', headOf(first), ...cells.map(cell => cell.element));
  element.setAttribute('role', 'row');

  return {
    element,
    /** @param {Quota & {isEditable: boolean}} quota */
    show(quota) {
      for (const {name, of, show} of cells) show(amountOf(name, of(quota)), quota.isEditable);
    },
  };
}

/** @param {Quota} quota */
function headOf({user, creator, engineType, tenant}) {
  const words =
    user === undefined
      ? [make('span', 'name', tenant)]
      : [
          make('span', 'name', anyOr(user, 'everybody')),
          make('span', 'sub', anyOr(creator, 'any creator')),
          ' ',
          make('span', 'chip', engineType ?? ''),
        ];
  const head = make('th', 'whose', ...words);
  head.scope = 'row';
  head.setAttribute('role', 'rowheader');
  return head;
}

/** @param {string} name @param {readonly [number, number, number | null]} figures */
function amountOf(name, [value, more, max]) {
  if (name !== 'Memory') {
    const limit = max === null ? '∞' : printCount(max);
    return {value, more, max, used: printCount(value + more), limit, input: max === null ? '' : String(max)};
  }
  const [used = '', limit = ''] = printMemoryShare(value + more, max).split(' / ');
  return {
    value,
    more,
    max,
    used: max === null ? printMemory(value + more) : used,
    limit,
    input: max === null ? '' : memoryText(max),
  };
}

/** @param {string | undefined} name @param {string} anybody */
const anyOr = (name, anybody) => (name === '*' ? anybody : (name ?? ''));
