// Nobody is signed in here any more: pages that are still open in other tabs clear themselves at once (idle.js).
"use strict";
navigator.locks?.request("signed-in", { steal: true }, () => {});
