// Keeps the page up to date. Without it the page works all the same, and shows what was true when it was loaded.
// The box only says that something happened; the page then fetches itself and exchanges what differs.

const PAUSE = 1000; // at most one fetch a second, however much happens
let pause = PAUSE;

const state = document.getElementById("live-state");
const show = (text, lost) => {
  if (!state) return;
  state.hidden = false;
  state.textContent = text;
  state.classList.toggle("lost", lost);
};

function exchange(old, fresh) {
  if (old.innerHTML === fresh.innerHTML) return;
  const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
  const before = new Map([...old.querySelectorAll("[data-key]")].map((row) => [row.dataset.key, row.textContent]));
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.closest("[data-key]")?.dataset.key;
  const place = key && controls(focused.closest("[data-key]")).indexOf(focused);
  old.className = fresh.className;
  old.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const row of old.querySelectorAll("[data-key]")) {
    // Times move by themselves: only news is marked.
    const text = before.get(row.dataset.key);
    if (text === undefined || timeless(text) !== timeless(row.textContent)) row.classList.add("fresh");
  }
  // The focus stays with its row, wherever that has gone: never on the like button of another phone.
  const row = key && [...old.querySelectorAll("[data-key]")].find((candidate) => candidate.dataset.key === key);
  if (row) controls(row)[place]?.focus({ preventScroll: true });
}

const controls = (row) => [...row.querySelectorAll("a, button, summary")];
const timeless = (text) => text.replace(/(just now|\d+ (s|min|h|days?) ago|in \d+ (s|min|h|days?))/g, "");

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
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) exchange(part, fresh);
    }
    localTimes();
  } catch {
    show("Connection lost", true);
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

// Times are written in UTC; whoever points at one sees the time of the own clock as well.
function localTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = at.toLocaleString();
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

// A file goes to the box as it is; its name and kind stand in the query.
for (const form of document.querySelectorAll("form[data-put]")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input[type=file]").files[0];
    const said = new URLSearchParams({ name: chosen.name });
    for (const field of form.querySelectorAll("select")) said.set(field.name.split("-").pop(), field.value);
    const headers = { "X-CSRF-Token": form.dataset.csrf };
    const answer = await fetch(`${form.dataset.put}?${said}`, { method: "PUT", headers, body: chosen });
    if (answer.ok) return location.reload();
    const problem = await answer.json().catch(() => ({}));
    form.querySelector("[role=status]").textContent = problem.detail ?? "It was not taken.";
  });
}

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
    else { bundle.disabled = false; alert((await answer.json()).detail); }
  });
}

localTimes();
const feed = document.body.dataset.live;
if (feed) {
  const source = new EventSource(feed);
  source.addEventListener("open", () => { show("Live", false); soon(); });
  source.addEventListener("error", () => show("Connection lost", true));
  for (const kind of ["event", "journey", "missed"]) source.addEventListener(kind, soon);
  setInterval(() => { if (!document.hidden) soon(); }, 30000);
}
