// A page left open shows nothing any more once its session is over, also without a connection. Nothing else runs here.
"use strict";
(() => {
  const gone = document.getElementById("gone");
  const others = new BroadcastChannel("abate-session");
  let until = 0;
  const lasts = (seconds) => { until = Date.now() + seconds * 1000; };
  const look = () => {
    if (Date.now() < until) return;
    clearInterval(looking);
    others.close();
    document.title = gone.dataset.title;
    document.body.className = "";
    document.body.replaceChildren(gone.content);
  };
  // By the time of day, and not by one long timer: a machine that sleeps stops those.
  const looking = setInterval(look, 1000);
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
  // Another page of this browser was opened, which kept the session in use; or somebody signed out there.
  others.addEventListener("message", (event) => { lasts(Number(event.data)); look(); });
  const form = document.querySelector("form[data-sign-out]");
  if (form) form.addEventListener("submit", () => others.postMessage(0));
  lasts(Number(gone.dataset.seconds));
  others.postMessage(Number(gone.dataset.seconds));
})();
