// Shows the steps of a rehearsal while they are taken. Without it the page comes when all is over, and says the same.

for (const form of document.querySelectorAll("form[data-rehearse]")) {
  const button = form.querySelector("button");
  const place = document.getElementById("rehearsal");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const list = document.createElement("ol");
    list.className = "took";
    const said = document.createElement("p");
    said.className = "says";
    said.setAttribute("role", "status");
    said.textContent = form.dataset.rehearse;
    const panel = document.createElement("section");
    panel.className = "panel";
    panel.dataset.live = "";
    panel.append(said, list);
    place.replaceChildren(panel);
    try {
      await watch(form, list);
    } catch {
      // What is not told step by step comes as a page.
      form.submit();
    }
    button.disabled = false;
  });

  async function watch(form, list) {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "text/event-stream" },
      body: new URLSearchParams(new FormData(form)),
      redirect: "manual",
    });
    if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Error("no stream");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      rest += value;
      const messages = rest.split("\n\n");
      rest = messages.pop();
      for (const message of messages) {
        const [, kind, data] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
        if (kind === "step") add(list, JSON.parse(data));
        if (kind === "page") finish(JSON.parse(data));
      }
    }
  }

  function add(list, step) {
    const line = document.createElement("li");
    const at = document.createElement("span");
    at.className = "took-at";
    at.textContent = `${(step.after_ms / 1000).toFixed(1)} s`;
    const says = document.createElement("span");
    says.lang = "en";
    says.textContent = step.says;
    line.append(at, " ", says);
    list.append(line);
  }

  function finish(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("rehearsal");
    if (!fresh) return location.reload();
    place.replaceChildren(...fresh.childNodes);
    document.getElementById("verdict")?.focus();
  }
}
