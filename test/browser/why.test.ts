/** "Why is my job waiting?" in a real browser, over a facade whose jobs the test moves. */
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {Browser, Page} from 'playwright-core';
import type {Gate} from '../../actors/gate.ts';
import {startFacade, type FacadeWorld} from '../support/facade-world.ts';
import {launchBrowser, logIn, openPage} from '../support/page-browser.ts';
import {consoleErrors, tooWide} from '../support/page-errors.ts';

const test = anyTest as TestFn<{browser: Browser}>;
test.before(async t => {
  t.context.browser = await launchBrowser();
});
test.after.always(t => t.context.browser?.close());

type Shown = {
  readonly page: Page;
  readonly world: FacadeWorld;
  readonly taskID: number;
  readonly complaints: readonly string[];
  readonly errors: readonly string[];
  /** Times that the page has asked why. */
  readonly asked: () => number;
};

/** `name` is logged in and looks at a waiting job of alice's; `gates`: instead of those that the facade tells. */
async function show(
  t: ExecutionContext<{browser: Browser}>,
  {name = 'alice', gates}: {readonly name?: string; readonly gates?: readonly Gate[]} = {},
): Promise<Shown> {
  const {page, complaints} = await openPage(t, t.context.browser);
  const errors = consoleErrors(page);
  const world = await startFacade(t);
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Inited'});
  let asked = 0;
  page.on('request', request => {
    if (request.url().endsWith('/why')) asked += 1;
  });
  if (gates !== undefined) {
    const timeline = [
      {cause: 'queue', ms: 1500},
      {cause: 'launch', ms: 500},
      {cause: 'something-new', ms: 1000},
    ];
    const data = {taskID, status: 'Inited', priority: 7, gates, timeline, position: 1};
    await page.route('**/why', route => route.fulfill({json: {status: 0, message: 'OK', data}}));
  }
  await logIn(page, `${world.url}/#${taskID}`, name, `pw-${name}`);
  await page.waitForSelector('#why');
  return {page, world, taskID, complaints, errors, asked: () => asked};
}

const plain = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).innerText()).replaceAll(/\s+/g, ' ').trim();

test('a waiting job says what holds it up, how full that is, what opens it, and its place', async t => {
  const {page, complaints, errors} = await show(t);
  t.is(await plain(page, '#why .gate h4'), 'Queue of its group');
  t.is(await plain(page, '#why .gate .figure'), '2 / 2 jobs');
  t.is(await page.locator('#why [role=meter]').getAttribute('aria-valuenow'), '100');
  t.is(await plain(page, '#why .what'), 'alice runs 2 of 2 jobs.');
  t.is(await plain(page, '#why .opens'), 'Jobs of this group end.');
  t.is(await plain(page, '#why .place'), 'Number 3 in its queue');
  t.is(await plain(page, '#timeline'), 'queue 12 ms');
  // Who holds it is folded away, and leads to that job.
  const holder = page.locator('#why .holders a');
  t.false(await holder.isVisible());
  await page.locator('#why summary').press('Enter');
  t.is(await holder.innerText(), 'job 1');
  t.is(await holder.getAttribute('href'), '#1');
  // This facade has no stream; the page goes on asking for one.
  t.deepEqual([...complaints, ...errors.filter(error => !error.includes('/ws/v1/stream'))], []);
});

test('when the job has ended nothing holds it up: the panel goes, its time stays, and nobody asks on', async t => {
  const {page, world, taskID, asked} = await show(t);
  world.play(taskID).status('Succeed');
  await page.locator('#why').waitFor({state: 'hidden', timeout: 5000});
  t.is(await plain(page, '#timeline'), 'queue 12 ms');
  const before = asked();
  await page.waitForTimeout(2600);
  t.is(asked(), before);
});

test('what is refreshed is refreshed while somebody looks, and not behind another tab', async t => {
  const {page, asked} = await show(t);
  const first = asked();
  await page.waitForTimeout(2600);
  t.true(asked() > first);

  await page.click('#tab-engines');
  await page.waitForTimeout(300);
  const left = asked();
  await page.waitForTimeout(2600);
  t.is(asked(), left, 'the tab of the page is another one');

  await page.click('#tab-jobs');
  await page.waitForTimeout(500);
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});
    document.dispatchEvent(new Event('visibilitychange'));
  `);
  await page.waitForTimeout(300);
  let requests = 0;
  page.on('request', () => {
    requests += 1;
  });
  await page.waitForTimeout(3600);
  t.is(requests, 0, 'the tab of the browser is hidden');

  await page.evaluate(`
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));
  `);
  await page.waitForTimeout(500);
  t.true(requests > 0);
});

test('its owner gives it another priority; what is refused is said beside it', async t => {
  const {page, world, taskID} = await show(t);
  t.is(await page.inputValue('#priority'), '100');
  await page.fill('#priority', '500');
  await page.press('#priority', 'Enter');
  await page.locator('#why .done', {hasText: 'Its priority is 500 now.'}).waitFor({timeout: 5000});
  t.is(world.priorities.get(taskID), 500);

  await page.fill('#priority', '1001');
  await page.click('#why button');
  await page.locator('#why .problem', {hasText: 'above 1000'}).waitFor({timeout: 5000});
  t.is(world.priorities.get(taskID), 500);
  // What was typed is not taken away by the next answer.
  await page.waitForTimeout(2600);
  t.is(await page.inputValue('#priority'), '1001');
});

const gate = (changes: Partial<Gate>): Gate => ({
  gate: 'user',
  unit: 'jobs',
  value: 1,
  limit: 2,
  holders: [],
  what: 'What.',
  opens: 'Opens.',
  ...changes,
});

test('figures are shown in their unit, and what the server says is text, never HTML', async t => {
  const html = '<img src=x onerror=alert(1)>';
  const {page, complaints} = await show(t, {
    gates: [
      gate({unit: 'memoryBytes', value: 3 * 1024 ** 3, limit: 4 * 1024 ** 3, what: html, opens: html}),
      gate({gate: 'retry', unit: 'ms', value: 4200, limit: 5000}),
      gate({gate: 'database', unit: 'databases', value: 0, limit: 1}),
      gate({
        gate: 'ecm',
        unit: 'instances',
        value: 16,
        limit: 16,
        holders: [
          {who: html, holds: 2},
          {who: 'job 7 of somebody', holds: 1},
        ],
      }),
    ],
  });
  const meters = page.locator('#why .gate .meter');
  t.deepEqual(
    await meters.evaluateAll(all => all.filter(each => each.checkVisibility()).map(each => each.textContent)),
    ['3 / 4 GiB', '4.2 s left', '16 / 16 engines'],
  );
  await page.locator('#why summary:visible').click();
  t.is(await plain(page, '#why .holders ul:visible'), `${html} 2 engines job 7 of somebody 1 engine`);
  t.is(await page.locator('#why img, #timeline img').count(), 0);
  t.is(await page.locator('#why .holders a').count(), 0);
  t.is(await plain(page, '#timeline'), 'queue 1.5 s launch 500 ms something-new 1 s');
  const widths = await page
    .locator('#timeline rect')
    .evaluateAll(all => all.map(each => Number(each.getAttribute('width'))));
  t.deepEqual(widths, [50, 16.67, 33.33]);
  await page.setViewportSize({width: 390, height: 844});
  t.deepEqual(await tooWide(page), []);
  t.deepEqual(complaints, []);
});

test('the panel changes in place: what has the focus keeps it', async t => {
  const {page} = await show(t);
  const summary = await page.locator('#why summary').elementHandle();
  await page.focus('#why summary');
  await page.waitForTimeout(2600);
  t.true(await summary?.evaluate(element => element === element.ownerDocument.activeElement));
});
