/** Counts what a TAP stream of AVA's says, and hands on the lines that a reader needs: failures, whole. */
export type Tally = {
  passed: number;
  failed: number;
  /** Titles of tests that were skipped or are only planned. */
  readonly skipped: string[];
};

export async function readTap(lines: AsyncIterable<string>, show: (line: string) => void): Promise<Tally> {
  const tally: Tally = {passed: 0, failed: 0, skipped: []};
  let isFailing = false;
  for await (const line of lines) {
    const result = /^(not )?ok \d+ - (.*)$/.exec(line);
    if (result === null) {
      if (isFailing && !/^(?:1\.\.\d+|# (?:tests|pass|fail|skip) \d+)?$/.test(line)) show(line);
      continue;
    }
    const title = result[2] ?? '';
    const isSkipped = / # (?:SKIP|TODO)\b/.test(title);
    isFailing = !isSkipped && result[1] !== undefined;
    if (isSkipped) tally.skipped.push(title);
    else if (isFailing) tally.failed += 1;
    else tally.passed += 1;
    if (isFailing) show(line);
  }
  return tally;
}

/** The closing line, in the form that CI systems read whatever the language. */
export const closingLine = ({passed, failed, skipped}: Tally): string =>
  `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`;
