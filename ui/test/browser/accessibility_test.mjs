// Both pages, in both themes, in the states that differ most: axe finds nothing, and nothing that the policy
// forbids happens.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { DROPPED } from '../mock/sampling.mjs';
import { openBrowser, openPage, openSite, realUrl } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

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

async function violations(page) {
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => window.axe.run(document));
  return found.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map((node) => node.html)
        .join(' | ')}`,
  );
}

const failedSpan = () => site.subjects.failing.trace.spans.find((span) => span.status.code === 'error');
const STATES = [
  ['search', () => '/search'],
  ['search with filters', () => '/search?service=cart&tags=oops&range=custom&from=1700000000000'],
  ['search without results', () => '/search?tags=no%3Dthing'],
  ['search by TraceQL', () => `/search?q=${encodeURIComponent('{ status = error }')}`],
  ['search by broken TraceQL', () => `/search?q=${encodeURIComponent('{ name = }')}`],
  [
    'search with TraceQL offered',
    () => '/search',
    async (page) => {
      await page.click('#q');
      await page.locator('#q-list li').first().waitFor();
      await page.keyboard.press('ArrowDown');
    },
  ],
  ['search with the keys', () => '/search', (page) => page.keyboard.press('?')],
  ['search with an open list', () => '/search', (page) => page.click('#service')],
  ['trace', () => `/trace/${site.subjects.failing.trace.traceId}`],
  [
    'trace with detail',
    () => `/trace/${site.subjects.failing.trace.traceId}?span=${failedSpan()?.spanId}&detail=1`,
  ],
  [
    'trace zoomed and searched',
    () => `/trace/${site.subjects.failing.trace.traceId}?zoom=0-100000&find=a&fold=1&path=1`,
  ],
  [
    'trace with why',
    () => `/trace/${site.subjects.failing.trace.traceId}`,
    async (page) => {
      if (realUrl) return; // without policies there is nothing to tell
      await page.locator('.why button').waitFor();
      await page.keyboard.press('w');
    },
  ],
  ['policies', () => '/policies'],
  ['errors', () => '/errors?range=all'],
  ['dropped trace', () => `/trace/${DROPPED}`],
  ['missing trace', () => `/trace/${'0'.repeat(28)}beef`],
];

for (const theme of ['light', 'dark']) {
  for (const [name, path, act] of STATES) {
    test(`${name}, ${theme}: axe is content and the policy holds`, async () => {
      const { page, offences, close } = await openPage(browser, site, path(), { theme });
      await page.waitForSelector('a.result, [role=treeitem], .message, .page li');
      await act?.(page);
      // Fading colours would be measured half way.
      await page.waitForTimeout(200);
      assert.deepEqual(await page.evaluate(() => window.violations), []);
      assert.deepEqual(offences, []);
      assert.deepEqual(await violations(page), []);
      await close();
    });
  }
}
