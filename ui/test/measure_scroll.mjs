// `npm run measure:scroll`: prints load time and frame times of the largest trace as JSON.

import { openBrowser, openPage, openSite } from './browser/harness.mjs';
import { measureScroll } from './scrolling.mjs';

const site = await openSite();
const browser = await openBrowser();
const { traceId, spanCount } = site.subjects.largest.summary;
const { page } = await openPage(browser, site, `/trace/${traceId}`, { width: 1440, height: 900 });
await page.waitForSelector('[role=treeitem]');
const load_ms = Math.round(await page.evaluate(() => performance.now()));
console.log(JSON.stringify({ spanCount, load_ms, ...(await measureScroll(page)) }, null, 2));
await browser.close();
await site.close();
