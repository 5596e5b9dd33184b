/** `tenon result`: the result sets of a job that has ended, as tables, CSV or JSON. */
import type {Command} from 'commander';
import {stringify} from 'csv-stringify/sync';
import {isTerminal} from '../actors/domain/job.ts';
import {clientCommand, withClient, type ClientOptions, type CommandWorld} from './client-command.ts';
import {RefusedError, UsageError} from './command-error.ts';
import {exitCodeOf} from './exit-code.ts';
import type {FacadeClient} from './facade-client.ts';
import {describeEnd, fetchTask, parseJobReference} from './job-task.ts';
import {wholeNumber} from './key-value.ts';
import {listResultSets, readPages, type ResultPage, type ResultRow} from './result-set.ts';
import type {Terminal} from './terminal.ts';
import {printRow, printTable, widthsOf} from './text-table.ts';

type ResultOptions = ClientOptions & {readonly csv?: boolean; readonly set?: number};

export const resultCommand = (world: CommandWorld): Command =>
  clientCommand('result', 'show the result sets of a job that has ended; the exit code is its fate')
    .argument('<job>', 'its number or execID')
    .option('--csv', 'as CSV (RFC 4180), with a header line; null is an empty field')
    .option('--set <number>', 'only this result set, counted from 0', wholeNumber(0))
    .action(async (job: string, options: ResultOptions) => {
      const {terminal} = world;
      if (options.csv && options.json) throw new UsageError('Give --csv or --json, not both.');
      const taskID = parseJobReference(job);
      await withClient(options, world, async client => {
        const task = await fetchTask(client, taskID);
        if (!isTerminal(task.status)) {
          throw new RefusedError(
            `Job ${taskID} is ${task.status}; its results come when it has ended. See it out with: tenon log ${taskID} --follow`,
          );
        }
        const all = await listResultSets(client, task.resultLocation);
        const chosen = [...all.entries()].filter(
          ([index]) => options.set === undefined || index === options.set,
        );
        if (options.set !== undefined && chosen.length === 0) {
          throw new RefusedError(
            `Job ${taskID} has ${all.length} result sets, and none with number ${options.set}.`,
          );
        }
        if (all.length === 0) terminal.note(`Job ${taskID} has no results.`);
        await (options.json
          ? writeAsJson(terminal, client, taskID, chosen)
          : writeAsText(terminal, client, chosen, options.csv ? csvPage : textPage));
        if (task.status !== 'Succeed') terminal.note(describeEnd(task));
        return exitCodeOf(task.status);
      });
    });

type Chosen = readonly (readonly [index: number, path: string])[];

/** Prints one page; `widths` are those of the set's first page. */
type PagePrinter = (page: ResultPage, widths: readonly number[] | undefined) => string;

async function writeAsText(
  terminal: Terminal,
  client: FacadeClient,
  chosen: Chosen,
  print: PagePrinter,
): Promise<void> {
  for (const [position, [, path]] of chosen.entries()) {
    let widths: readonly number[] | undefined;
    if (position > 0) await terminal.write('\n');
    for await (const page of readPages(client, path)) {
      await terminal.write(print(page, widths));
      widths ??= widthsOf(asTable(page));
    }
  }
}

const asTable = ({columns = [], rows}: ResultPage) => ({
  header: columns.map(({columnName}) => columnName),
  rows: rows.map(row => row.map(cell => cell ?? 'NULL')),
});

const textPage: PagePrinter = (page, widths) => {
  if (page.columns === undefined) return page.rows.map(textLine).join('');
  const table = asTable(page);
  return widths === undefined ? printTable(table) : table.rows.map(row => printRow(row, widths)).join('');
};

/** A piece of text that ends its own line gets no second end. */
function textLine(row: ResultRow): string {
  const text = row.map(cell => cell ?? '').join('\t');
  return text.endsWith('\n') ? text : `${text}\n`;
}

const csvPage: PagePrinter = ({columns, rows}, widths) => {
  const header =
    widths === undefined && columns !== undefined ? [columns.map(({columnName}) => columnName)] : [];
  return stringify([...header, ...rows]);
};

/** One document, written as its pages come. */
async function writeAsJson(
  terminal: Terminal,
  client: FacadeClient,
  taskID: number,
  chosen: Chosen,
): Promise<void> {
  await terminal.write(`{"taskID":${taskID},"results":[`);
  for (const [position, [set, path]] of chosen.entries()) {
    let isFirst = true;
    for await (const {columns, rows} of readPages(client, path)) {
      const head = JSON.stringify({set, path, type: columns === undefined ? 'text' : 'table', columns});
      if (isFirst) await terminal.write(`${position > 0 ? ',' : ''}${head.slice(0, -1)},"rows":[`);
      const texts = rows.map(row => JSON.stringify(row)).join(',');
      await terminal.write(`${!isFirst && rows.length > 0 ? ',' : ''}${texts}`);
      isFirst = false;
    }
    await terminal.write(']}');
  }
  await terminal.write(']}\n');
}
