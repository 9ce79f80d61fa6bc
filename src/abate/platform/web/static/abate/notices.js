// Asks the browser for a subscription and puts it into the form. Nothing else runs here.
"use strict";
(() => {
  const form = document.querySelector("form[data-push]");
  if (!form) return;
  const told = form.querySelector("[data-told]");
  const say = (text) => { told.textContent = text; told.hidden = false; };
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) { say(told.dataset.missing); return; }
  form.querySelector("button").disabled = false;
  const key = form.dataset.push.replace(/-/g, "+").replace(/_/g, "/");
  const applicationServerKey = Uint8Array.from(atob(key), (c) => c.charCodeAt(0));
  // A worker that was registered just now is still being installed, and only an active one can subscribe.
  const active = (registration) => new Promise((resolve, reject) => {
    const worker = registration.active || registration.waiting || registration.installing;
    const look = () => {
      if (worker.state === "activated") resolve(registration);
      else if (worker.state === "redundant") reject(new Error(worker.state));
    };
    worker.addEventListener("statechange", look);
    look();
  });
  form.addEventListener("submit", async (event) => {
    if (form.elements.endpoint.value) return;
    event.preventDefault();
    told.hidden = true;
    try {
      const found = await navigator.serviceWorker.register("/notices/worker.js", { scope: "/notices/" });
      const made = (await (await active(found)).pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })).toJSON();
      form.elements.endpoint.value = made.endpoint;
      form.elements.p256dh.value = made.keys.p256dh;
      form.elements.auth.value = made.keys.auth;
      form.submit();
    } catch (fault) { say(told.dataset.failed); }
  });
})();
