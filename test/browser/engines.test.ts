/** The tab "Engines" in a real browser, over engines and hosts that the test describes. */
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {Browser, Page} from 'playwright-core';
import {startManager, type ManagerWorld} from '../support/manager-world.ts';
import {ecmInstance, ecmView, engineView, load} from '../support/memory-engines.ts';
import {launchBrowser, logIn, openPage} from '../support/page-browser.ts';
import {consoleErrors, tooWide} from '../support/page-errors.ts';

const test = anyTest as TestFn<{browser: Browser}>;
test.before(async t => {
  t.context.browser = await launchBrowser();
});
test.after.always(t => t.context.browser?.close());

type Shown = {
  readonly page: Page;
  readonly world: ManagerWorld;
  readonly complaints: readonly string[];
};

/** The tab as that person sees it; `change` comes before they look. */
async function show(
  t: ExecutionContext<{browser: Browser}>,
  name: 'root' | 'alice' = 'root',
  change: (world: ManagerWorld) => void = () => undefined,
): Promise<Shown> {
  const {page, complaints} = await openPage(t, t.context.browser);
  const errors = consoleErrors(page);
  const world = await startManager(t);
  change(world);
  await logIn(page, `${world.facade.url}/#engines`, name, `pw-${name}`);
  await page.locator('#engines table:visible, #engines .empty:visible').waitFor();
  return {
    page,
    world,
    get complaints() {
      return [...complaints, ...errors];
    },
  };
}

const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

const rowsOf = async (page: Page): Promise<string[]> =>
  (await page.locator('#engines tbody tr').evaluateAll(rows => rows.map(row => row.innerText))).map(plain);

const row = (page: Page, engineId: string) => page.locator('#engines tbody tr', {hasText: engineId});

test('an administrator sees everybody’s engines, with what they do and take', async t => {
  const {page, complaints} = await show(t);
  const rows = await rowsOf(page);
  t.is(rows.length, 3);
  t.regex(
    rows.find(text => text.includes('e-busy')) ?? '',
    /^python-python3 e-busy alice IDE busy job 7 3 so far host-02\.example\.com:9102 4\.8 MiB \/ 1 GiB 50 % Kill…$/,
  );
  t.regex(
    rows.find(text => text.includes('e-bob')) ?? '',
    /bob IDE idle 3 so far .* – \/ 2 GiB – ≥ \d+ s Kill…$/,
  );
  t.is(await page.locator('#engines .count').innerText(), '1 of 3 busy');
  t.is(await row(page, 'e-busy').locator('a.job').getAttribute('href'), '#7');
  t.deepEqual(complaints, []);
});

test('hosts say how they are and why, and their capacity beside what is reserved and really used', async t => {
  const {page} = await show(t, 'root', ({engines}) => {
    engines.hosts.set(ecmInstance, {
      ...ecmView({labels: {tenant: 'blue'}, used: load(85, 45, 3)}),
      health: 'WARN',
      healthReason: 'the disk is 95 % full',
    });
  });
  const card = page.locator('#hosts li', {hasText: ecmInstance});
  t.is(await card.locator('.health').innerText(), 'warning');
  t.is(await card.locator('.reason').innerText(), 'The disk is 95 % full.');
  const lines = await card
    .locator('dl')
    .evaluate(list =>
      [...list.querySelectorAll('dt')].map(
        name => `${name.textContent}: ${name.nextElementSibling?.textContent}`,
      ),
    );
  t.deepEqual(lines, [
    'Memory reserved: 85 / 100 GiB',
    'Memory used: 4.8 MiB / 100 GiB',
    'Host memory: 60 / 125 GiB',
    'Cores reserved: 45 / 50',
    'Processors: 12 % of 16',
    'Engines: 3 / 50',
  ]);
  t.is(await card.locator('[aria-label^="Memory reserved"]').getAttribute('aria-valuenow'), '85');
  t.is(await card.locator('.meter.high').count(), 2);
  t.true((await card.locator('.chip').allInnerTexts()).includes('tenant=blue'));
});

test('who is no administrator sees their own engines, and no hosts', async t => {
  const {page, complaints} = await show(t, 'alice');
  const rows = await rowsOf(page);
  t.is(rows.length, 2);
  t.false(rows.some(text => text.includes('bob')));
  t.true(await page.locator('#hosts').isHidden());
  // That hosts are not for them is asked once.
  let asked = 0;
  page.on('request', request => {
    if (request.url().endsWith('/engines/ecms')) asked += 1;
  });
  await page.waitForTimeout(3500);
  t.is(asked, 0);
  t.deepEqual(complaints, []);
});

test('killing asks first, and shows the receipt of what was done', async t => {
  const {page, world} = await show(t, 'alice');
  const dialog = page.locator('#engines dialog');
  await row(page, 'e-busy').locator('.kill').click();
  t.is(await dialog.locator('h3').innerText(), 'Kill python engine e-busy?');
  t.regex(await dialog.locator('.text').innerText(), /Job 7, which it runs, is ended with it\./);
  // What Enter would press.
  t.is(await page.evaluate('document.activeElement.textContent'), 'Cancel');
  await page.keyboard.press('Enter');
  await row(page, 'e-busy').locator('.kill').click();
  await page.keyboard.press('Escape');
  t.deepEqual(world.engines.ended, []);

  await row(page, 'e-busy').locator('.kill').click();
  await dialog.locator('.danger').click();
  await dialog.locator('dl').waitFor({timeout: 5000});
  t.deepEqual(world.engines.ended, ['e-busy']);
  t.is(
    plain(await dialog.locator('dl').innerText()),
    'Signals SIGTERM, SIGKILL Processes 2 ended Pids 4711, 4712 Took 12 ms Given back 1 GiB, 1 core, 1 engine',
  );
  t.true(await dialog.locator('.danger').isHidden());
  await row(page, 'e-busy').waitFor({state: 'detached', timeout: 5000});
  await page.keyboard.press('Enter');
  t.true(await dialog.isHidden());
});

test('what can’t be killed is said in the dialog', async t => {
  const {page, world} = await show(t);
  await row(page, 'e-bob').locator('.kill').click();
  world.engines.live.delete('e-bob');
  await page.locator('#engines dialog .danger').click();
  const problem = page.locator('#engines dialog .problem', {hasText: 'There is no engine e-bob'});
  await problem.waitFor({timeout: 5000});
  t.true(await page.locator('#engines dialog dl').isHidden());
  t.deepEqual(world.engines.ended, []);
});

test('rows follow the engines, and a button stays the same one under the pointer', async t => {
  const {page, world} = await show(t);
  const kill = await row(page, 'e-idle').locator('.kill').elementHandle();
  world.engines.live.delete('e-bob');
  world.engines.live.set('e-new', engineView('e-new', {user: 'carol', jobCount: 0, status: 'Starting'}));
  await row(page, 'e-new').waitFor({timeout: 8000});
  t.is(await row(page, 'e-new').locator('.state').innerText(), 'starting');
  t.is(await row(page, 'e-bob').count(), 0);
  t.true(await kill?.evaluate(element => element.isConnected));
});

test('of an engine whose reservation nobody knows only what it uses is told', async t => {
  const {page} = await show(t, 'root', ({engines}) => {
    const busy = engines.live.get('e-busy');
    if (busy !== undefined) engines.live.set('e-busy', {...busy, reserved: load(0, 0, 1)});
  });
  const memory = row(page, 'e-busy').locator('td.memory');
  t.is(plain(await memory.innerText()), '4.8 MiB');
  t.is(await memory.locator('.full, .high, [role=meter]').count(), 0);
});

test('the filter finds by any of its words, and says when there is nothing', async t => {
  const {page} = await show(t);
  await page.fill('#engines .filter', 'alice IDLE');
  t.deepEqual(
    (await rowsOf(page)).map(text => text.split(' ')[1]),
    ['e-idle'],
  );
  await page.fill('#engines .filter', 'nobody');
  t.is(await page.locator('#engines .empty').innerText(), 'None of 3 engines matches “nobody”.');
  t.true(await page.locator('#engines table').isHidden());
});

test('without engines and hosts a sentence says when there will be some', async t => {
  const {page} = await show(t, 'root', ({engines}) => {
    engines.live.clear();
    engines.hosts.clear();
  });
  t.regex(await page.locator('#engines .empty').innerText(), /^No engine lives now\. One is started/);
  t.regex(await page.locator('#hosts .none').innerText(), /^No host offers room/);
});

test('names of any length and form are text, and on a phone nothing is wider than the screen', async t => {
  const html = '<img src=x onerror=alert(1)>';
  const long = 'a-rather-long-name-of-a-node.in-a-namespace.svc.cluster.local:9002';
  const {page, complaints} = await show(t, 'root', ({engines}) => {
    engines.live.set(
      'e-long',
      engineView('e-long-and-longer-than-any-that-we-make-ourselves', {
        user: html,
        creator: 'a-creator-of-some-length-that-nobody-would-choose',
        ecm: long,
        taskID: 123_456_789,
        status: 'Busy',
        reserved: load(1023.9, 1, 1),
      }),
    );
    engines.hosts.set(
      long,
      ecmView({instance: long, health: 'UnHealthy', healthReason: html, description: html}),
    );
  });
  t.is(await page.locator('#engines img').count(), 0);
  t.true((await rowsOf(page)).some(text => text.includes(html)));
  for (const width of [390, 800, 1000, 1280]) {
    // oxlint-disable-next-line no-await-in-loop
    await page.setViewportSize({width, height: 844});
    // oxlint-disable-next-line no-await-in-loop
    t.deepEqual(await tooWide(page), [], `${width}`);
  }
  t.deepEqual(complaints, []);
});

test('tabs go by arrow keys and by the address, and say which one is chosen', async t => {
  const {page} = await show(t);
  const chosen = () => page.locator('[role=tab][aria-selected=true]').innerText();
  t.is(await chosen(), 'Engines');
  await page.focus('#tab-engines');
  await page.keyboard.press('ArrowRight');
  t.is(await chosen(), 'Quotas');
  t.is(await page.evaluate('location.hash'), '#quotas');
  await page.keyboard.press('ArrowRight');
  t.is(await chosen(), 'Jobs');
  t.deepEqual(await page.locator('[role=tabpanel]:visible').evaluateAll(all => all.map(({id}) => id)), [
    'jobs-panel',
  ]);
  await page.keyboard.press('End');
  t.is(await chosen(), 'Quotas');
  t.is(await page.evaluate('document.activeElement.id'), 'tab-quotas');
  await page.evaluate("location.hash = '#engines'");
  await page.waitForSelector('#engines:not([hidden])');
  t.is(await page.locator('[role=tab][tabindex="0"]').count(), 1);
});
