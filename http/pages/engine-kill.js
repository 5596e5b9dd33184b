/** Asks before an engine is ended, and shows what was done: the receipt. */
import {call} from './api.js';
import {printCount, printMemory, printTime} from './amounts.js';
import {make, write} from './element.js';
import {engineWord} from './engine-row.js';

/** @import {Engine, Resources} from './engine-row.js' */
/** @typedef {{signals: string[], processesEnded: number, pids: number[], tookMs: number, returned: Resources}} Receipt */

const pidsShown = 12;

/**
 * @param {any} dialog
 * @param {() => void} onDone
 */
export function createEngineKill(dialog, onDone) {
  /** @param {string} selector @returns {any} */
  const one = selector => dialog.querySelector(selector);
  const [title, text, problem, receipt] = [one('h3'), one('.text'), one('.problem'), one('dl')];
  const [cancel, kill] = [one('.cancel'), one('.danger')];
  /** @type {Engine | undefined} */
  let asked;

  /** @param {Engine} engine */
  function ask(engine) {
    asked = engine;
    const {engineType, engineId, user, taskID} = engine;
    write(title, `Kill ${engineType} engine ${engineId}?`);
    const work =
      taskID === null ? 'It is idle: no job is lost.' : `Job ${taskID}, which it runs, is ended with it.`;
    write(text, `It belongs to ${user} and is ${engineWord(engine)}. ${work}`);
    write(problem, '');
    receipt.hidden = true;
    kill.hidden = false;
    kill.disabled = false;
    write(kill, 'Kill');
    write(cancel, 'Cancel');
    dialog.showModal();
    cancel.focus();
  }

  /** @param {Receipt} done */
  function show({signals, processesEnded, pids, tookMs, returned}) {
    const engine = `${asked?.engineType} engine ${asked?.engineId}`;
    write(title, `Killed ${engine}`);
    write(text, `It has ended, with everything that it had started.`);
    const more = pids.length > pidsShown ? ` and ${pids.length - pidsShown} more` : '';
    const lines = [
      ['Signals', signals.join(', ') || 'none was needed'],
      ['Processes', `${printCount(processesEnded)} ended`],
      ...(pids.length > 0 ? [['Pids', pids.slice(0, pidsShown).join(', ') + more]] : []),
      ['Took', printTime(tookMs)],
      [
        'Given back',
        `${printMemory(returned.memoryBytes)}, ${plural(returned.cores, 'core')}, ${plural(returned.instances, 'engine')}`,
      ],
    ];
    receipt.replaceChildren(
      ...lines.flatMap(([name, value]) => [make('dt', '', name), make('dd', '', value)]),
    );
    receipt.hidden = false;
    kill.hidden = true;
    write(cancel, 'Close');
    cancel.focus();
  }

  kill.addEventListener('click', async () => {
    const engine = asked;
    if (engine === undefined) return;
    kill.disabled = true;
    write(kill, 'Ending…');
    write(problem, '');
    try {
      const done = await call('engines/kill', {engine: engine.engineId});
      if (asked === engine) show(done.receipt);
    } catch (error) {
      if (asked !== engine) return;
      write(problem, error instanceof Error ? error.message : String(error));
      kill.disabled = false;
      write(kill, 'Kill');
    }
    onDone();
  });
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    asked = undefined;
  });

  return {ask, close: () => dialog.close()};
}

/** @param {number} count @param {string} noun */
const plural = (count, noun) => `${printCount(count)} ${noun}${count === 1 ? '' : 's'}`;
