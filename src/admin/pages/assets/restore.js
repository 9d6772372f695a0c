// A backup goes to the box as it is, with its passphrase in a header; first to be looked into, then to be put in force.

const form = document.getElementById("restore");
const plan = document.getElementById("restore-plan");
const refused = document.getElementById("restore-refused");
const bar = form.querySelector("progress");
form.hidden = false;
document.getElementById("restore-without").hidden = true;

const file = document.getElementById("restore-file");
const passphrase = document.getElementById("restore-passphrase");

function send(what, query) {
  refused.hidden = true;
  bar.hidden = false;
  bar.value = 0;
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/backup/${what}${query}`);
    request.setRequestHeader("X-CSRF-Token", form.dataset.csrf);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Block66-Passphrase", encodeURIComponent(passphrase.value));
    request.upload.addEventListener("progress", ({ loaded, total }) => { bar.value = total ? (100 * loaded) / total : 0; });
    request.addEventListener("loadend", () => {
      bar.hidden = true;
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* nothing can be read of it */ }
      const taken = request.status >= 200 && request.status < 300;
      if (!taken) {
        refused.querySelector("[data-detail]").textContent = said.detail ?? form.dataset.failed;
        refused.querySelector("[data-next]").textContent = said.next ?? "";
        refused.hidden = false;
      }
      done(taken ? said : null);
    });
    request.send(file.files[0]);
  });
}

// Whatever is changed after somebody looked is looked into again.
for (const field of [file, passphrase]) field.addEventListener("input", () => { plan.hidden = true; });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  plan.hidden = true;
  const about = await send("inspect", "");
  if (!about) return;
  for (const place of plan.querySelectorAll("[data-about]")) {
    const value = about[place.dataset.about];
    const at = place.dataset.about === "made" ? new Date(value) : null;
    place.textContent = at && !Number.isNaN(at.getTime()) ? at.toLocaleString(document.documentElement.lang) : [value].flat().join(", ");
  }
  plan.hidden = false;
  plan.focus();
});

document.getElementById("restore-now").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  const done = await send("restore", "?confirm=true");
  target.disabled = false;
  if (!done) return;
  plan.hidden = true;
  form.hidden = true;
  const said = document.getElementById("restore-done");
  said.textContent = form.dataset.restarts;
  said.hidden = false;
});
