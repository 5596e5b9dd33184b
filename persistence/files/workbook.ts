/**
 * An xlsx workbook as it is written: rows go out as they come, so a million of them need no more memory than a hundred.
 * (The maintained packages for xlsx build sheets in memory.) Cells are inline strings, or numbers where the column
 * says so and nothing is lost; a sheet that is full goes on in another one.
 */
import {WorkbookTooLargeError} from '../../actors/job-files.ts';
import {zip, type ZipEntry} from './zip-stream.ts';

export type WorkbookSheet = {
  readonly name: string;
  /** First row, in bold; undefined for none. */
  readonly head: readonly string[] | undefined;
  /** Whether a column holds numbers. */
  readonly isNumeric: readonly boolean[];
  readonly rows: AsyncIterable<readonly (readonly string[])[]>;
};

/** Limits of the format itself. */
const rowsPerSheetMax = 1_048_576;
const columnsMax = 16_384;
const cellCharsMax = 32_767;
const sheetNameCharsMax = 31;
/** Kept below the zip's 4 GB for one entry. */
const sheetBytesMax = 3 * 2 ** 30;

const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships';
const contentType = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** The file's bytes. Throws `WorkbookTooLargeError` for more columns than the format has, before the first byte. */
export function workbook(sheets: readonly WorkbookSheet[]): AsyncGenerator<Buffer> {
  for (const {isNumeric} of sheets) {
    if (isNumeric.length > columnsMax) {
      throw new WorkbookTooLargeError(`it has ${isNumeric.length} columns, ${columnsMax} is the limit`);
    }
  }
  return zip(parts(sheets));
}

async function* parts(sheets: readonly WorkbookSheet[]): AsyncGenerator<ZipEntry> {
  const names: string[] = [];
  for (const sheet of sheets) {
    const rows = new RowSource(sheet.rows);
    let number = 1;
    do {
      names.push(freshName(number === 1 ? sheet.name : `${sheet.name}_${number}`, names));
      number++;
      yield {name: `xl/worksheets/sheet${names.length}.xml`, content: sheetXml(sheet, rows)};
      // The entry was written by now: the zip asks for the next only then.
    } while (!rows.isDone);
  }
  const ids = names.map((_, index) => index + 1);
  yield {name: 'xl/styles.xml', content: [styles]};
  yield {
    name: 'xl/workbook.xml',
    content: [
      `${xml}<workbook xmlns="${main}" xmlns:r="${relations}"><sheets>`,
      ...names.map(
        (name, index) => `<sheet name="${escape(name)}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`,
      ),
      '</sheets></workbook>',
    ],
  };
  yield {
    name: 'xl/_rels/workbook.xml.rels',
    content: [
      `${xml}<Relationships xmlns="${packageRelations}">`,
      ...ids.map(
        id =>
          `<Relationship Id="rId${id}" Type="${relations}/worksheet" Target="worksheets/sheet${id}.xml"/>`,
      ),
      `<Relationship Id="rId${ids.length + 1}" Type="${relations}/styles" Target="styles.xml"/></Relationships>`,
    ],
  };
  yield {
    name: '_rels/.rels',
    content: [
      `${xml}<Relationships xmlns="${packageRelations}"><Relationship Id="rId1" Type="${relations}/officeDocument"` +
        ' Target="xl/workbook.xml"/></Relationships>',
    ],
  };
  yield {
    name: '[Content_Types].xml',
    content: [
      `${xml}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
        '<Default Extension="xml" ContentType="application/xml"/>' +
        `<Override PartName="/xl/workbook.xml" ContentType="${contentType}.sheet.main+xml"/>` +
        `<Override PartName="/xl/styles.xml" ContentType="${contentType}.styles+xml"/>`,
      ...ids.map(
        id =>
          `<Override PartName="/xl/worksheets/sheet${id}.xml" ContentType="${contentType}.worksheet+xml"/>`,
      ),
      '</Types>',
    ],
  };
}

const styles =
  `${xml}<styleSheet xmlns="${main}"><fonts count="2"><font/><font><b/></font></fonts>` +
  '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
  '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>' +
  '<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs>' +
  '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>';

/** Rows one by one, across the sheets they are written to. */
class RowSource {
  readonly #batches: AsyncIterator<readonly (readonly string[])[]>;
  #batch: readonly (readonly string[])[] = [];
  #next = 0;
  isDone = false;

  constructor(rows: AsyncIterable<readonly (readonly string[])[]>) {
    this.#batches = rows[Symbol.asyncIterator]();
  }

  /** Up to `countMax` rows of one batch; empty when there are none left. */
  async take(countMax: number): Promise<readonly (readonly string[])[]> {
    while (this.#next >= this.#batch.length && !this.isDone) {
      const {done = false, value} = await this.#batches.next();
      this.isDone = done;
      this.#batch = done ? [] : value;
      this.#next = 0;
    }
    const rows = this.#batch.slice(this.#next, this.#next + countMax);
    this.#next += rows.length;
    return rows;
  }
}

async function* sheetXml({head, isNumeric}: WorkbookSheet, source: RowSource): AsyncGenerator<string> {
  yield `${xml}<worksheet xmlns="${main}"><sheetData>`;
  let left = rowsPerSheetMax;
  let bytes = 0;
  if (head !== undefined) {
    yield rowXml(
      head,
      head.map(() => false),
      ' s="1"',
    );
    left--;
  }
  while (left > 0 && bytes < sheetBytesMax) {
    const rows = await source.take(left);
    if (rows.length === 0) break;
    const text = rows.map(row => rowXml(row, isNumeric, '')).join('');
    left -= rows.length;
    bytes += Buffer.byteLength(text);
    yield text;
  }
  yield '</sheetData></worksheet>';
}

const rowXml = (row: readonly string[], isNumeric: readonly boolean[], style: string): string =>
  `<row>${row.map((cell, column) => cellXml(cell, isNumeric[column] === true, style)).join('')}</row>`;

function cellXml(cell: string, isNumeric: boolean, style: string): string {
  // Only what comes out of a double as it went in: of longer numbers a spreadsheet would show other digits.
  if (isNumeric && String(Number(cell)) === cell && Number.isFinite(Number(cell)))
    return `<c${style}><v>${cell}</v></c>`;
  if (cell === '') return `<c${style}/>`;
  return `<c t="inlineStr"${style}><is><t xml:space="preserve">${escape(cell.slice(0, cellCharsMax))}</t></is></c>`;
}

/** What XML can't hold is written the spreadsheets' way, `_x0001_`; text that looks like that gets its `_` written so. */
function escape(text: string): string {
  if (!unsafe.test(text)) return text;
  return text
    .toWellFormed()
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(controls, char => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replace(/[&<>"]/g, char => entities[char] ?? char);
}

// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B\u000C\u000D\u000E-\u001F\uFFFE\uFFFF]/g;
// oxlint-disable-next-line no-control-regex
const unsafe = /[&<>"_\u0000-\u0008\u000B-\u001F\uD800-\uDFFF\uFFFE\uFFFF]/;
const entities: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};

/** Sheets are told apart without case, and some characters are not for them. */
function freshName(wanted: string, taken: readonly string[]): string {
  const clean =
    wanted
      .replace(/[[\]:*?/\\]/g, '_')
      .replace(/^'|'$/g, '_')
      .slice(0, sheetNameCharsMax) || 'result';
  const isTaken = (name: string): boolean => taken.some(other => other.toLowerCase() === name.toLowerCase());
  for (let number = 2, name = clean; ; number++) {
    if (!isTaken(name)) return name;
    name = `${clean.slice(0, sheetNameCharsMax - String(number).length - 1)}_${number}`;
  }
}
