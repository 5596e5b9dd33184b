/**
 * Counts what AVA's default reporter says, and hands on the lines that a reader needs: all but the tests that passed.
 *
 * Not the TAP reporter, which would be easier to read: in AVA 8.0.1 it throws when a test file times out, and hides which
 * tests were still running.
 */
export type Tally = {
  passed: number;
  failed: number;
  /** Titles of tests that were skipped or are only planned. */
  readonly skipped: string[];
};

export type AvaOutput = {
  readonly line: (line: string) => void;
  readonly tally: () => Tally;
};

/** What went wrong outside of a test: each counts as a failure. */
const trouble =
  /^ {2}(?:✘ )?(?:Uncaught exception in|Unhandled rejection in|Timed out|No tests found|Couldn’t find)/;

export function readAvaOutput(show: (line: string) => void): AvaOutput {
  const tally: Tally = {passed: 0, failed: 0, skipped: []};
  let troubles = 0;
  return {
    line(line) {
      if (/^ {2}✔ /.test(line)) {
        tally.passed += 1;
        return;
      }
      const skipped = /^ {2}- \[(?:skip|todo)\] (.*)$/.exec(line)?.[1];
      if (skipped !== undefined) tally.skipped.push(skipped);
      else if (/^ {2}✘ \[fail\]:/.test(line)) tally.failed += 1;
      else if (trouble.test(line)) troubles += 1;
      show(line);
    },
    tally: () => ({...tally, failed: tally.failed + troubles}),
  };
}

/** The closing line, in the form that CI systems read whatever the language. */
export const closingLine = ({passed, failed, skipped}: Tally): string =>
  `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`;
