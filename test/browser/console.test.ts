/** The whole console in a real browser over a real node: a job waits, a quota is raised, the job runs, its engine is ended. */
import anyTest, {type TestFn} from 'ava';
import type {Browser} from 'playwright-core';
import {submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {launchBrowser, logIn, openPage} from '../support/page-browser.ts';
import {consoleErrors, tooWide} from '../support/page-errors.ts';

const test = anyTest as TestFn<{browser: Browser}>;
test.before(async t => {
  t.context.browser = await launchBrowser();
});
test.after.always(t => t.context.browser?.close());

const slowMs = 30_000;

test('a waiting job is explained, let through by a raised quota, and its engine ended with a receipt', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  const {user, password} = node.credentials();
  const first = await submitJob(node, 'while true; do sleep 0.2; done');
  const second = await submitJob(node, 'sleep 600');
  await untilStatus(node, first.taskID, ['Running']);

  const {page, complaints} = await openPage(t, t.context.browser);
  const errors = consoleErrors(page);
  await logIn(page, `${node.url()}/#${second.taskID}`, user, password);
  const why = page.locator('#why');
  await why.waitFor({timeout: slowMs});
  t.regex(await why.locator('.what').innerText(), /runs 1 of 1 jobs/);
  t.is(await why.locator('.place').innerText(), 'Next in its queue');
  await why.locator('summary').click();
  t.is(await why.locator('.holders a').innerText(), `job ${first.taskID}`);
  await page.setViewportSize({width: 390, height: 844});
  t.deepEqual(await tooWide(page), []);
  await page.setViewportSize({width: 1280, height: 800});

  await page.click('#tab-quotas');
  const running = page.locator('#users tr', {hasText: 'IDE'}).locator('td[data-label="Running"]');
  await running.locator('.edit').click({timeout: slowMs});
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await page.locator('#quotas .done', {hasText: 'is 2 now'}).waitFor({timeout: slowMs});
  // Raised for the page and for the queue alike.
  await untilStatus(node, second.taskID, ['Running']);

  await page.click('#tab-jobs');
  await why.waitFor({state: 'hidden', timeout: slowMs});
  await page.locator('#timeline li', {hasText: 'run'}).waitFor({timeout: slowMs});
  t.regex((await page.locator('#timeline').innerText()).replaceAll(/\s+/g, ' '), /queue [\d.]+ (?:ms|s|min)/);

  await page.click('#tab-engines');
  const engine = page.locator('#engines tbody tr', {hasText: `job ${second.taskID}`});
  await engine.waitFor({timeout: slowMs});
  t.is(await page.locator('#hosts li').count(), 1);
  await page
    .locator('#hosts dd', {hasText: /^2 \/ \d+$/})
    .first()
    .waitFor({timeout: slowMs});
  await engine.locator('.kill').click();
  await page.locator('#engines dialog .danger').click();
  const receipt = page.locator('#engines dialog dl');
  await receipt.waitFor({timeout: slowMs});
  t.regex(await receipt.innerText(), /SIGTERM[^]*[1-9]\d* ended[^]*Given back/);
  await page.keyboard.press('Enter');
  await engine.waitFor({state: 'detached', timeout: slowMs});
  await page.locator('#engines .count', {hasText: '1 of 1 busy'}).waitFor({timeout: slowMs});

  // The other one by its link, and from its own view.
  await page.locator('#engines a.job').click();
  await page.locator('#job h2', {hasText: `Job ${first.taskID}`}).waitFor({timeout: slowMs});
  await page.click('#kill');
  await page.locator('#job .pill.Cancelled').waitFor({timeout: slowMs});
  t.true(await why.isHidden());
  t.deepEqual([...complaints, ...errors], []);
});
