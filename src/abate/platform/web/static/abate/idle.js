// A page left open shows nothing any more once its session is over, also without a connection. Nothing else runs here.
"use strict";
(() => {
  const gone = document.getElementById("gone");
  const until = Date.now() + Number(gone.dataset.seconds) * 1000;
  const look = () => {
    if (Date.now() < until) return;
    clearInterval(looking);
    document.title = gone.dataset.title;
    document.body.className = "";
    document.body.replaceChildren(gone.content);
  };
  // By the time of day, and not by one long timer: a machine that sleeps stops those.
  const looking = setInterval(look, 1000);
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
})();
