import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { DROPPED, GONE } from '../mock/sampling.mjs';
import { eventually, openBrowser, openPage, openSite, query, testWithMock } from './harness.mjs';

let site;
let browser;
before(async () => {
  site = await openSite();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const textOf = (page, selector) => page.locator(selector).innerText();

testWithMock('the trace page says who kept it, and with w why', async () => {
  const { page, offences, close } = await openPage(
    browser,
    site,
    `/trace/${site.subjects.failing.trace.traceId}`,
  );
  const button = page.locator('.why button');
  await button.waitFor();
  assert.match(await button.innerText(), /errors/);
  assert.equal(await button.getAttribute('aria-expanded'), 'false');
  await page.keyboard.press('w');
  const note = page.getByRole('region', { name: 'Why this trace was kept' });
  await note.waitFor();
  const text = await note.innerText();
  assert.match(text, /Kept by errors/);
  assert.match(text, /\d+ with an error/);
  await page.keyboard.press('Escape');
  await note.waitFor({ state: 'detached' });
  assert.ok(await button.evaluate((element) => element === document.activeElement), 'focus came back');
  assert.deepEqual(offences, []);
  await close();
});

testWithMock('a trace that is open still says nothing of it', async () => {
  const open = site.traces.find((summary) => summary.open);
  const { page, close } = await openPage(browser, site, `/trace/${open.traceId}`);
  await page.waitForSelector('[role=treeitem]');
  await page.waitForTimeout(100);
  assert.equal(await page.locator('.why').count(), 0);
  await close();
});

testWithMock('a dropped trace says why, and the button takes it back', async () => {
  const { page, offences, close } = await openPage(browser, site, `/trace/${DROPPED}`);
  await page.getByRole('heading', { name: 'This trace was dropped' }).waitFor();
  assert.match(await textOf(page, '.dropped'), /No policy kept it; dropped when its window ended/);
  assert.match(await textOf(page, '.dropped'), /still there for [78] min/);
  await page.getByRole('button', { name: 'Keep this trace' }).click();
  await page.waitForSelector('[role=treeitem]');
  assert.deepEqual(offences, []);
  await close();
});

testWithMock('a trace that is gone cannot be kept', async () => {
  const { page, close } = await openPage(browser, site, `/trace/${GONE}`);
  await page.getByRole('heading', { name: 'This trace was dropped' }).waitFor();
  assert.match(await textOf(page, '.dropped'), /cannot be taken back/);
  assert.equal(await page.getByRole('button', { name: 'Keep this trace' }).count(), 0);
  await close();
});

testWithMock('the policies page tells what each means and how much it kept', async () => {
  const { page, offences, close } = await openPage(browser, site, '/policies');
  await page.getByRole('heading', { name: 'Policies', exact: true }).waitFor();
  const rows = page.locator('ol li');
  assert.equal(await rows.count(), 6);
  assert.match(await rows.nth(1).innerText(), /Keeps traces that have a span with status ERROR/);
  assert.match(await textOf(page, '.totals'), /1\.8 %/);
  assert.deepEqual(offences, []);
  await close();
});

testWithMock('the errors page leads to searches and to an example', async () => {
  const { page, close } = await openPage(browser, site, '/errors?range=24h');
  const first = page.getByRole('list', { name: 'Origins of errors' }).locator('li').first();
  await first.waitFor();
  assert.match(await first.innerText(), /payment\s+Charge/);
  assert.match(await page.getByRole('list', { name: 'Losses of SDKs' }).innerText(), /queue full 1,200/);
  await first.getByTitle('Search its traces').click();
  await eventually(
    () => query(page).get('q'),
    (q) => q?.includes('resource.service.name = "payment"'),
    'query',
  );
  await close();
});

testWithMock('what an operator must look at stands on every page', async () => {
  const { page, close } = await openPage(browser, site, '/policies');
  await page.route('**/api/bs/v1/health', (route) =>
    route.fulfill({
      json: { warnings: [{ code: 'cluster_epoch_mismatch', count: 3, text: 'Routers differ.' }] },
    }),
  );
  await page.reload();
  await page.getByText('Routers differ.').waitFor();
  assert.match(await textOf(page, '.health'), /3 requests so far/);
  await close();
});
