import { defineConfig } from 'vite';

// The server that `npm run dev` proxies to.
const api = process.env.PRICEWIRE_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  // Nothing is inlined: the page's Content-Security-Policy lets only files of this server run.
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      '/api': { target: api, ws: true },
      '/health': api,
      '/openapi.json': api,
      '/docs': api,
    },
  },
});
