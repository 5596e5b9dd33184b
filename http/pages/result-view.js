/** Shows the first rows of a job's result sets. */
import {call} from './api.js';

const rowsMax = 100;

/** @param {HTMLElement} element @param {string} location the task's `resultLocation` */
export async function showResults(element, location) {
  const {dirFileTrees} = await call(`filesystem/getDirFileTrees?path=${encodeURIComponent(location)}`);
  for (const {path, name} of dirFileTrees?.children ?? []) {
    // One after the other keeps their order.
    // oxlint-disable-next-line no-await-in-loop
    const page = await call(`filesystem/openFile?pageSize=${rowsMax}&path=${encodeURIComponent(path)}`);
    const title = document.createElement('h3');
    const {metadata, fileContent} = page;
    title.textContent = `Result ${name}${fileContent.length === rowsMax ? `, first ${rowsMax} rows` : ''}`;
    element.append(title, table(Array.isArray(metadata) ? metadata : [], fileContent));
  }
}

/** @param {{columnName: string}[]} columns @param {(string | null)[][]} rows */
function table(columns, rows) {
  const made = document.createElement('table');
  if (columns.length > 0) {
    const head = made.createTHead().insertRow();
    for (const {columnName} of columns) head.append(cell('th', columnName));
  }
  const body = made.createTBody();
  for (const row of rows) body.insertRow().append(...row.map(value => cell('td', value ?? 'NULL')));
  return made;
}

/** @param {string} tag @param {string} text */
function cell(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
