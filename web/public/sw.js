// The service worker: makes the page installable, shows what is pushed while the page is closed, and lets phones show
// notifications. It answers no requests, so the page is never older than the server.
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

// A push says what the server's push_message() writes. One that cannot be read is shown too: a browser that is pushed to
// without showing anything ends the subscription.
self.addEventListener('push', (event) => {
  let said = {};
  try {
    said = event.data.json();
  } catch {}
  const { title = 'Pricewire', body = 'An alert has fired.', tag, url, fired_at } = said;
  const options = {
    body,
    tag,
    data: url,
    icon: '/assets/icon-192.png',
    timestamp: Date.parse(fired_at) || Date.now(),
  };
  event.waitUntil(self.registration.showNotification(title, options));
});

// The page tells the server of the new subscription, now or when it is opened next.
self.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(subscribeAgain(event.oldSubscription));
});

async function subscribeAgain(old) {
  if (old) await self.registration.pushManager.subscribe(old.options);
  for (const page of await self.clients.matchAll({ type: 'window' })) page.postMessage({ renew: true });
}

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
