// Passkeys are the browser's own doing: this asks it for one and puts the answer into the form. Nothing else runs here.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const opened = (key) => {
    const made = { ...key, challenge: bytes(key.challenge) };
    if (key.user) made.user = { ...key.user, id: bytes(key.user.id) };
    for (const list of ["excludeCredentials", "allowCredentials"]) {
      if (key[list]) made[list] = key[list].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return made;
  };
  const closed = (key) => {
    const told = { id: key.id, rawId: text(key.rawId), type: key.type, response: {},
      clientExtensionResults: key.getClientExtensionResults(), authenticatorAttachment: key.authenticatorAttachment };
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (key.response[name]) told.response[name] = text(key.response[name]);
    }
    return told;
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const told = form.querySelector("[data-told]");
    if (!window.PublicKeyCredential) { told.textContent = told.dataset.missing; told.hidden = false; continue; }
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      told.hidden = true;
      const publicKey = opened(JSON.parse(form.dataset.options).publicKey);
      try {
        const key = form.dataset.passkey === "new"
          ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
        form.elements.credential.value = JSON.stringify(closed(key));
        form.submit();
      } catch (fault) {
        told.textContent = fault.name === "InvalidStateError" ? told.dataset.known : told.dataset.failed;
        told.hidden = false;
      }
    });
  }
})();
