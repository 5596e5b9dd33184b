/** The run box and the list of one's own jobs. */
import {call} from './api.js';
import {createRows, make, write} from './element.js';
import {labelOf} from './engine-type.js';

const shownMax = 50;

/**
 * @param {HTMLElement} place
 * @param {{trying: (place: HTMLElement, action: () => Promise<void>) => Promise<void>,
 *   open: (taskID: number) => Promise<void>, opened: () => number | undefined}} page
 */
export function createJobsView(place, {trying, open, opened}) {
  /** @param {string} selector @returns {any} */
  const one = selector => place.querySelector(selector);
  const form = one('#submit');
  let user = '';
  const showRows = createRows(one('#list'), createRow);

  /** @param {Record<string, any>} task */
  function createRow({taskID, executionCode}) {
    const pill = make('span', 'pill');
    const button = make(
      'button',
      '',
      make('span', 'id', String(taskID)),
      make('span', 'code', executionCode ?? ''),
      pill,
    );
    button.type = 'button';
    button.addEventListener('click', () => void open(taskID));
    return {
      element: make('li', '', button),
      /** @param {Record<string, any>} task */
      show({status}) {
        pill.className = `pill ${status}`;
        write(pill, status);
        if (taskID === opened()) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
      },
    };
  }

  async function refresh() {
    const asked = user;
    const {tasks} = await call(`jobhistory/list?pageSize=${shownMax}`);
    if (asked !== user) return;
    one('#none').hidden = tasks.length > 0;
    showRows(tasks, (/** @type {Record<string, any>} */ {taskID}) => String(taskID));
  }

  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    /** @type {string} */
    const engine = form.querySelector('select').value;
    /** @type {string} */
    const code = form.querySelector('textarea').value;
    void trying(form, async () => {
      const {taskID} = await call('entrance/submit', {
        executionContent: {code, runType: engine.split('-')[0]},
        labels: {engineType: engine, userCreator: `${user}-IDE`},
        params: {},
        source: {},
      });
      await open(taskID);
    });
  });

  form.querySelector('textarea').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  return {
    refresh,
    /** @param {string} name */
    async enter(name) {
      user = name;
      const {engineType} = await call('configuration/engineType');
      const options = engineType.map((/** @type {string} */ type) => {
        const option = make('option', '', type);
        option.value = labelOf(type);
        return option;
      });
      form.querySelector('select').replaceChildren(...options);
    },
    leave() {
      user = '';
      showRows([], () => '');
    },
  };
}
