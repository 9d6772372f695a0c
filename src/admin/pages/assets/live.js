// Keeps the page up to date. Without it the page works all the same, and shows what was true when it was loaded.
// The box only says that something happened; the page then fetches itself and exchanges what differs.

const PAUSE = 1000; // at most one fetch a second, however much happens
let pause = PAUSE;

const words = document.body.dataset.words.split("|");
const state = document.getElementById("live-state");
const show = (text, lost) => {
  if (!state) return;
  state.hidden = false;
  state.textContent = text;
  state.classList.toggle("lost", lost);
};

// What the box said of each part, before anything here was added to it.
const parts = document.querySelectorAll("[data-part]");
const shown = new Map([...parts].map((part) => [part, part.innerHTML]));

function exchange(old, fresh) {
  const html = fresh.innerHTML;
  if (shown.get(old) === html) return;
  shown.set(old, html);
  const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
  const before = new Map([...old.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, timeless(row)]));
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.closest("[data-key]")?.dataset.key;
  const place = key && controls(focused.closest("[data-key]")).indexOf(focused);
  old.className = fresh.className;
  old.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const row of old.querySelectorAll("[data-key]")) {
    const text = before.get(row.dataset.key);
    if (text !== timeless(row)) row.classList.add("fresh");
  }
  // The focus stays with its row, wherever that has gone: never on the like button of another phone.
  const row = key && [...old.querySelectorAll("[data-key]")].find((candidate) => candidate.dataset.key === key);
  if (row) controls(row)[place]?.focus({ preventScroll: true });
}

const controls = (row) => [...row.querySelectorAll("a, button, summary")];
// Times move by themselves: only other news marks a row.
const timeless = (row) => [...row.childNodes].map((node) => (node.nodeName === "TIME" ? "" : node.childNodes.length ? timeless(node) : node.textContent)).join("");

let waiting = false;
let fetching = false;
async function refresh() {
  if (fetching) return soon();
  fetching = true;
  const began = performance.now();
  try {
    const response = await fetch(location.href, { headers: { "Block66-Live": "1" }, redirect: "manual" });
    if (response.type === "opaqueredirect" || response.status === 401) return location.reload();
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh) exchange(part, fresh);
    }
    localTimes();
  } catch {
    show(words[1], true);
  } finally {
    fetching = false;
    pause = Math.max(PAUSE, 5 * (performance.now() - began)); // a box with much to do is asked less often
  }
}

function soon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => { waiting = false; refresh(); }, pause);
}

// Times are said as people say them; whoever points at one sees the clock of the branch.
const zone = document.body.dataset.zone;
function localTimes() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = at.toLocaleString(document.documentElement.lang, zone ? { timeZone: zone } : {});
  }
}

// A list from a file lands in the field where it could have been typed.
const file = document.getElementById("file");
if (file) {
  document.getElementById("file-field").hidden = false;
  file.addEventListener("change", async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
    let text;
    try {
      text = new TextDecoder(utf16 ? "utf-16le" : "utf-8", { fatal: true }).decode(bytes);
    } catch {
      text = new TextDecoder("windows-1252").decode(bytes);
    }
    document.getElementById("list").value = text;
  });
}

// A file goes to the box as it is, and how much of it is there is shown. What is said of it stands in the query.
for (const form of document.querySelectorAll("form[data-put]")) {
  form.hidden = false;
  const bar = form.querySelector("progress");
  const said = form.querySelector("[role=status]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input[type=file]").files[0];
    const query = new URLSearchParams({ name: chosen.name });
    for (const field of form.querySelectorAll("select, input[name]")) query.set(field.name.split("-").pop(), field.value);
    const request = new XMLHttpRequest();
    request.open("PUT", `${form.dataset.put}?${query}`);
    request.setRequestHeader("X-CSRF-Token", form.dataset.csrf);
    bar.hidden = false;
    said.textContent = "";
    request.upload.addEventListener("progress", ({ loaded, total }) => { bar.value = total ? (100 * loaded) / total : 0; });
    request.addEventListener("loadend", () => {
      if (request.status >= 200 && request.status < 300) return location.reload();
      bar.hidden = true;
      let problem = {};
      try { problem = JSON.parse(request.responseText); } catch { /* nothing can be read of it */ }
      said.textContent = problem.detail ?? words[3];
    });
    request.send(chosen);
  });
}

// What somebody typed outlives the end of the session: it is kept in this tab while they sign in again.
const kept = `typed:${location.pathname}`;
for (const form of document.querySelectorAll("form[data-keep]")) {
  form.addEventListener("submit", () => {
    const fields = [...form.elements].filter((field) => field.name && field.name !== "csrf" && field.type !== "password" && field.type !== "file");
    sessionStorage.setItem(kept, JSON.stringify(fields.filter((field) => field.type !== "radio" || field.checked).map((field) => [field.name, field.value])));
  });
}
if (location.pathname === "/sign-in") {
  if (new URLSearchParams(location.search).has("kept")) sessionStorage.setItem("resume", "yes");
} else {
  const form = document.querySelector("form[data-keep]");
  const typed = sessionStorage.getItem(kept);
  if (form && typed && sessionStorage.getItem("resume")) {
    for (const [name, value] of JSON.parse(typed)) {
      const field = form.elements.namedItem(name);
      if (field) field.value = value;
    }
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.setAttribute("role", "status");
    notice.textContent = words[2];
    form.before(notice);
    sessionStorage.removeItem("resume");
  }
  sessionStorage.removeItem(kept);
}

// What the box cannot know by itself: the time and the place of whoever stands before it.
for (const field of document.querySelectorAll("[data-now]")) {
  field.form.addEventListener("submit", () => { field.value = new Date().toISOString(); });
}
for (const field of document.querySelectorAll("[data-zone-here]")) {
  field.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
document.getElementById("language")?.addEventListener("change", ({ target }) => target.form.requestSubmit());

// A bundle goes up as it is; how far it is installed stands on the page then.
const bundle = document.getElementById("bundle");
if (bundle) {
  document.getElementById("bundle-field").hidden = false;
  bundle.addEventListener("change", async () => {
    const chosen = bundle.files[0];
    if (!chosen) return;
    const form = bundle.form;
    const older = form.elements.older.checked ? "?older=true" : "";
    bundle.disabled = true;
    const answer = await fetch("/api/v1/appliance/update" + older, {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": form.elements.csrf.value },
      body: chosen,
    });
    if (answer.ok) location.assign("/box?done=update");
    else { bundle.disabled = false; alert((await answer.json().catch(() => ({}))).detail ?? words[3]); }
  });
}

localTimes();
const feed = document.body.dataset.live;
if (feed) {
  const source = new EventSource(feed);
  source.addEventListener("open", () => { show(words[0], false); soon(); });
  source.addEventListener("error", () => show(words[1], true));
  for (const kind of ["event", "journey", "missed"]) source.addEventListener(kind, soon);
  setInterval(() => { if (!document.hidden) soon(); }, 30000);
}
