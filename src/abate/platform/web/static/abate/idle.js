// A page left open shows nothing any more once its session is over: by its time, also without a connection, and at once when a
// page of this browser finds nobody signed in (over.js). Nothing else runs here.
"use strict";
(() => {
  const gone = document.getElementById("gone");
  const until = Date.now() + Number(gone.dataset.seconds) * 1000;
  const clear = () => {
    clearInterval(looking);
    document.title = gone.dataset.title;
    document.body.className = "";
    document.body.replaceChildren(gone.content);
  };
  const look = () => {
    if (Date.now() >= until) clear();
  };
  // By the time of day, and not by one long timer: a machine that sleeps stops those.
  const looking = setInterval(look, 1000);
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
  // Held while the page is open. Having it taken away is the sign: nothing is said between windows, and nothing stored.
  navigator.locks
    ?.request("signed-in", { mode: "shared" }, () => new Promise(() => {}))
    .catch((fault) => {
      if (fault.name === "AbortError") clear();
    });
})();
