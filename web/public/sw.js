// The service worker: makes the page installable, and lets phones show notifications. It answers no requests, so the
// page is never older than the server.
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data || '#/alerts'));
});

// Brings the page to the front, or opens it.
async function show(hash) {
  const [page] = await self.clients.matchAll({ type: 'window' });
  if (page === undefined) return self.clients.openWindow(`/${hash}`);
  page.postMessage({ show: hash });
  return page.focus();
}
