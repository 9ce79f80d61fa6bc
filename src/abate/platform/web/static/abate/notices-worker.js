// Shows what was pushed, and opens the page of notices when it is touched. It keeps nothing and reads no other page.
"use strict";
self.addEventListener("push", (event) => {
  const told = event.data ? event.data.json() : { title: "Abate", body: "", name: "" };
  // The same name twice is the same notice: the second stands in for the first.
  event.waitUntil(self.registration.showNotification(told.title, { body: told.body, tag: told.name }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow("/notices"));
});
