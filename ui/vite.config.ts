import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The theme is set by the bundle itself, because the server's policy forbids inline scripts.
// `blocking="render"` holds the first paint until then, so that no page flashes in the wrong theme.
function blockRenderUntilThemed(): Plugin {
  return {
    name: 'block-render-until-themed',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html
          .replace('<script type="module" crossorigin', '<script type="module" blocking="render"')
          .replace('<link rel="stylesheet" crossorigin', '<link rel="stylesheet"'),
    },
  };
}

export default defineConfig({
  plugins: [svelte(), blockRenderUntilThemed()],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    // A data: URI saves one request, and costs an entry in the policy; files are plainer.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: { '/api': process.env.BACKSTITCH_URL ?? 'http://127.0.0.1:16686' },
  },
  test: { include: ['src/**/*_test.ts'] },
});
