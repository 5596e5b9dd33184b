/** What is used of one limit; administrators change the limit where it stands. */
import {button, make, write} from './element.js';
import {createMeter} from './meter.js';

/**
 * `used` and `limit` are texts to be read; `input` is the limit as the configuration writes it, empty for none.
 *
 * @typedef {{value: number, more: number, max: number | null, used: string, limit: string, input: string}} Amount
 */

/**
 * @param {string} name of the column
 * @param {string} whose
 * @param {{form: RegExp, hint: string}} rule what a limit looks like; nodes check again
 * @param {(text: string) => Promise<void>} save rejects with why not; an empty text takes the value away
 */
export function createQuotaCell(name, whose, {form: rule, hint}, save) {
  const label = `${name} of ${whose}`;
  const meter = createMeter(label);
  const [used, limit] = [make('span', 'used'), make('span', 'limit')];
  const edit = button('', 'quiet edit');
  edit.title = 'Change';
  const input = make('input', '');
  const keep = button('Save', 'keep');
  keep.type = 'submit';
  const form = make('form', 'editor', input, keep);
  const problem = make('p', 'problem');
  const element = make('td', 'amount', meter.element, problem);

  input.setAttribute('aria-label', `${label}; nothing takes the value away`);
  input.autocomplete = 'off';
  input.spellcheck = false;
  form.hidden = true;
  problem.setAttribute('role', 'alert');
  element.setAttribute('role', 'cell');
  element.dataset.label = name;
  meter.figure.append(used, ' / ', limit, edit);
  // Above the bar, where the figure stands: nothing moves when it opens.
  meter.element.prepend(form);

  /** @type {Amount | undefined} */
  let shown;

  function open() {
    input.value = shown?.input ?? '';
    write(problem, '');
    form.hidden = false;
    meter.figure.hidden = true;
    input.focus();
    input.select();
  }

  function close() {
    form.hidden = true;
    meter.figure.hidden = false;
    write(problem, '');
    edit.focus();
  }

  edit.addEventListener('click', open);
  form.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  });
  // Left without a change there is nothing to keep.
  form.addEventListener('focusout', (/** @type {FocusEvent} */ event) => {
    const isInside = event.relatedTarget instanceof Node && form.contains(event.relatedTarget);
    if (isInside || form.hidden || keep.disabled || input.value !== shown?.input) return;
    form.hidden = true;
    meter.figure.hidden = false;
    write(problem, '');
  });
  form.addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text !== '' && !rule.test(text)) {
      write(problem, hint);
      input.focus();
      return;
    }
    keep.disabled = true;
    write(problem, '');
    try {
      await save(text);
      close();
    } catch (error) {
      write(problem, error instanceof Error ? error.message : String(error));
      input.focus();
    } finally {
      keep.disabled = false;
    }
  });

  return {
    element,
    /** @param {Amount} amount @param {boolean} isEditable */
    show(amount, isEditable) {
      shown = amount;
      meter.show(amount);
      write(used, amount.used);
      write(limit, isEditable ? '' : amount.limit);
      edit.hidden = !isEditable;
      write(edit, amount.limit);
      edit.setAttribute('aria-label', `${amount.limit}: change ${label}`);
    },
  };
}
