/** The tab "Quotas" in a real browser, over a configuration in memory. */
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import type {Browser, Page} from 'playwright-core';
import {rowsOf, startConfigurationFacade, type ConfigurationWorld} from '../support/configuration-world.ts';
import {load, resourceUse} from '../support/memory-engines.ts';
import {launchBrowser, logIn, openPage} from '../support/page-browser.ts';
import {consoleErrors, tooWide} from '../support/page-errors.ts';

const test = anyTest as TestFn<{browser: Browser}>;
test.before(async t => {
  t.context.browser = await launchBrowser();
});
test.after.always(t => t.context.browser?.close());

type Shown = {
  readonly page: Page;
  readonly world: ConfigurationWorld;
  readonly complaints: readonly string[];
};

/** The tab as that person sees it: alice has engines and jobs, bob has some of tenant blue. */
async function show(
  t: ExecutionContext<{browser: Browser}>,
  name: 'root' | 'alice' = 'root',
): Promise<Shown> {
  const {page, complaints} = await openPage(t, t.context.browser);
  const errors = consoleErrors(page);
  const world = await startConfigurationFacade(t, [
    resourceUse({used: load(5, 1, 8), locked: load(1, 1, 1), runningJobs: 7, queuedJobs: 4}),
    resourceUse({user: 'bob', creator: 'a-creator-of-some-length', tenant: 'blue', used: load(0.5, 1, 1)}),
  ]);
  await logIn(page, `${world.facade.url}/#quotas`, name, `pw-${name}`);
  await page.locator('#users').waitFor();
  return {
    page,
    world,
    get complaints() {
      return [...complaints, ...errors];
    },
  };
}

const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
const row = (page: Page, name: string) => page.locator('#users tbody tr', {hasText: name});
/** `Engines`, of alice’s row. */
const cell = (page: Page, column: string, name = 'alice') =>
  row(page, name).locator(`td[data-label="${column}"]`);

test('everybody sees their own rows: what is in use of what may be, and nothing to change', async t => {
  const {page, complaints} = await show(t, 'alice');
  const rows = await page.locator('#users tbody tr').evaluateAll(all => all.map(each => each.innerText));
  t.deepEqual(rows.map(plain), [
    'alice any creator python 0 / 20 GiB 0 / 10 0 / 9 0 / 7 0 / 70',
    'alice IDE shell 6 / 20 GiB 2 / 10 9 / 9 7 / 7 4 / 70',
  ]);
  const engines = cell(page, 'Engines', 'IDE').locator('[role=meter]');
  t.is(await engines.getAttribute('aria-valuenow'), '100');
  t.is(await engines.getAttribute('aria-label'), 'Engines of alice, IDE, shell');
  t.is(await page.locator('#quotas .edit:visible, #whose:visible, #tenants:visible').count(), 0);
  t.deepEqual(complaints, []);
});

test('an administrator changes a limit where it stands, and it is in force', async t => {
  const {page, world, complaints} = await show(t);
  const engines = cell(page, 'Engines');
  t.is(plain(await engines.innerText()), '9 / 9');
  const height = await row(page, 'alice').evaluate(each => each.clientHeight);
  await engines.locator('.edit').click();
  t.is(await engines.locator('input').inputValue(), '9');
  t.is(await row(page, 'alice').evaluate(each => each.clientHeight), height, 'the row has moved');
  await page.keyboard.type('25');
  await page.keyboard.press('Enter');
  await page
    .locator('#quotas .done', {hasText: 'Engines of alice, IDE, shell is 25 now.'})
    .waitFor({timeout: 5000});
  t.is(plain(await engines.innerText()), '9 / 25');
  t.is(await page.evaluate('document.activeElement.textContent'), '25');
  // Of those who decide, not of the page.
  const quota = world.service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'});
  t.is(quota.max.instances, 25);
  const {data} = await world.ask('alice', 'rm/quota?creator=IDE&engineType=shell');
  t.like(rowsOf(data, 'quotas')[0], {max: {instances: 25}});
  // Nobody else's.
  t.is(world.service.quotas.quotaOf({user: 'bob', creator: 'IDE', engineType: 'shell'}).max.instances, 9);

  // Nothing brings the default back.
  await engines.locator('.edit').click();
  await engines.locator('input').fill('');
  await page.keyboard.press('Enter');
  await page.locator('#quotas .done', {hasText: 'the default holds again'}).waitFor({timeout: 5000});
  t.is(plain(await engines.innerText()), '9 / 9');
  t.deepEqual(complaints, []);
});

test('what is no limit is said where it was written; Escape leaves things as they are', async t => {
  const {page, world} = await show(t);
  const memory = cell(page, 'Memory');
  await memory.locator('.edit').click();
  t.is(await memory.locator('input').inputValue(), '20G');
  await page.keyboard.type('a lot');
  await page.keyboard.press('Enter');
  t.regex(await memory.locator('.problem').innerText(), /such as 20G or 512M/);
  await page.keyboard.press('Escape');
  t.is(plain(await memory.innerText()), '6 / 20 GiB');
  t.is(await page.evaluate('document.activeElement.textContent'), '20 GiB');

  // What only the node knows: the range of the key.
  const engines = cell(page, 'Engines');
  await engines.locator('.edit').click();
  await page.keyboard.type('999999');
  await page.keyboard.press('Enter');
  await engines.locator('.problem', {hasText: 'wds.linkis.rm.instance'}).waitFor({timeout: 5000});
  t.is(await engines.locator('input').inputValue(), '999999');
  t.is(world.service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'}).max.instances, 9);
});

test('a limit being written is not taken away by the next answer', async t => {
  const {page} = await show(t);
  const engines = cell(page, 'Engines');
  await engines.locator('.edit').click();
  await page.keyboard.type('12');
  await page.waitForTimeout(4800);
  t.is(await engines.locator('input').inputValue(), '12');
  t.true(await engines.locator('input').evaluate(each => each === each.ownerDocument.activeElement));
});

test('an administrator asks for anybody’s quotas, also those that hold for everybody', async t => {
  const {page, world} = await show(t);
  await page.fill('#whose [name=user]', '*');
  await page.keyboard.press('Enter');
  const everybody = page.locator('#users tbody tr', {hasText: 'everybody'}).filter({hasText: 'shell'});
  await everybody.waitFor({timeout: 5000});
  t.is(await row(page, 'alice').count(), 0);
  await everybody.locator('td[data-label="Running"] .edit').click();
  await page.keyboard.type('3');
  await page.keyboard.press('Enter');
  await page
    .locator('#quotas .done', {hasText: 'Running of everybody, any creator, shell is 3 now.'})
    .waitFor();
  t.is(world.service.quotas.quotaOf({user: 'carol', creator: 'X', engineType: 'shell'}).runningMax, 3);
});

test('administrators see tenants with their sums, and limit them', async t => {
  const {page, world} = await show(t);
  const tenant = page.locator('#tenants tbody tr', {hasText: 'blue'});
  t.is(plain(await tenant.innerText()), 'blue 512 MiB / ∞ 1 / ∞ 1 / ∞ 0 / ∞ 0 / ∞');
  await tenant.locator('td[data-label="Running"] .edit').click();
  await page.keyboard.type('5');
  await page.keyboard.press('Enter');
  await page.locator('#quotas .done', {hasText: 'Running of tenant blue is 5 now.'}).waitFor({timeout: 5000});
  t.is(world.service.quotas.tenantQuotaOf('blue').runningMax, 5);
});

test('on a phone nothing is wider than the screen, also while a limit is written', async t => {
  const {page, complaints} = await show(t);
  await cell(page, 'Memory').locator('.edit').click();
  for (const width of [390, 800, 1000, 1280]) {
    // oxlint-disable-next-line no-await-in-loop
    await page.setViewportSize({width, height: 844});
    // oxlint-disable-next-line no-await-in-loop
    t.deepEqual(await tooWide(page), [], `${width}`);
  }
  t.deepEqual(complaints, []);
});
