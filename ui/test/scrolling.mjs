// Scrolls the waterfall of the largest trace from top to bottom, by wheel as a person does, and times frames.

export async function measureScroll(page) {
  await page.waitForSelector('[role=treeitem]');
  const box = await page.locator('.scroller').boundingBox();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height / 2);
  await page.evaluate(() => {
    window.frames_ms = [];
    let last = performance.now();
    const frame = (now) => {
      window.frames_ms.push(now - last);
      last = now;
      window.frameRequest = requestAnimationFrame(frame);
    };
    window.frameRequest = requestAnimationFrame(frame);
    window.longTasks = [];
    new PerformanceObserver((list) =>
      window.longTasks.push(...list.getEntries().map((entry) => entry.duration)),
    ).observe({
      type: 'longtask',
    });
  });
  for (let step = 0; step < 120; step++) {
    await page.mouse.wheel(0, step % 3 === 0 ? 2400 : 360);
    await page.waitForTimeout(16);
  }
  return page.evaluate(() => {
    cancelAnimationFrame(window.frameRequest);
    const frames = window.frames_ms.slice(1).sort((a, b) => a - b);
    const at = (share) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))];
    const scroller = document.querySelector('.scroller');
    return {
      frames: frames.length,
      median_ms: at(0.5),
      p95_ms: at(0.95),
      p99_ms: at(0.99),
      max_ms: frames[frames.length - 1],
      over_34_ms: frames.filter((time) => time > 34).length,
      over_50_ms: frames.filter((time) => time > 50).length,
      long_tasks: window.longTasks.length,
      scrolled_rows: Math.round(scroller.scrollTop / 24),
      elements: document.querySelectorAll('[role=treeitem]').length,
    };
  });
}
