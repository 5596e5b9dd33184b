/** A headless Chromium on the PATH, and pages in it whose complaints a test can read. */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {chromium, type Browser, type Page} from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of the program. Throws when there is none, since a browser test that does not run has shown nothing. */
function chromiumPath(): string {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return join(directory, name);
      } catch {
        // Not here.
      }
    }
  }
  throw new Error(`None of ${names.join(', ')} is on the PATH: these tests need Chromium.`);
}

export const launchBrowser = (): Promise<Browser> => chromium.launch({executablePath: chromiumPath()});

export type BrowserPage = {
  readonly page: Page;
  /** Errors that scripts threw, and what the policy of the page has refused. */
  readonly complaints: readonly string[];
};

/** A page of its own: no cookie, no cache of others. */
export async function openPage(t: ExecutionContext, browser: Browser): Promise<BrowserPage> {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}});
  t.teardown(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  return {page, complaints};
}

/** Through the form, as people do. */
export async function logIn(page: Page, url: string, name: string, password: string): Promise<void> {
  await page.goto(url);
  await page.fill('#login [name=userName]', name);
  await page.fill('#login [name=password]', password);
  await page.click('#login button');
  await page.waitForSelector('#room:not([hidden])');
}
