// The pages work without this, but for uploading. It adds: search while typing, copying, and uploads that go on where they
// were after a pause, a broken connection or a closed browser (tus 1.0.0).
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);

// What needs a script is shown now that there is one.
all("[data-copy], [data-needs-script], [data-give-up]").forEach((element) => { element.hidden = false; });

all("[data-copy]").forEach((button) => button.addEventListener("click", async () => {
  const source = one(button.dataset.copy);
  const text = source.tagName === "TABLE"
    ? [...source.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim()).join("\t")).join("\n")
    : source.innerText;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  const before = button.innerHTML;
  button.textContent = "Copied";
  setTimeout(() => { button.innerHTML = before; }, 1500);
}));

// Times in the reader's own zone and form.
const inWords = (at) => {
  const today = new Date().toDateString() === at.toDateString();
  return at.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
};
all("time[datetime]").forEach((element) => {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.title = element.textContent;
  element.textContent = inWords(at);
});

// On a phone the places stand in a line that is longer than the screen.
const places = one(".places"), here = one(".places [aria-current]");
if (places && here) places.scrollLeft = here.offsetLeft - (places.clientWidth - here.offsetWidth) / 2;

// A list from a file goes into the field above it.
all("[data-read-into]").forEach((input) => input.addEventListener("change", async () => {
  if (!input.files[0]) return;
  // The server knows more encodings than the browser.
  const answer = await fetch(input.dataset.readBy, {
    method: "POST", body: input.files[0], headers: { "content-type": "application/octet-stream" },
  }).catch(() => null);
  const field = one(`[name="${input.dataset.readInto}"]`, input.form);
  const problem = answer && !answer.ok ? (await answer.json().catch(() => ({}))).detail : "";
  field.setCustomValidity(answer && answer.ok ? "" : problem || "The file could not be read. Try again.");
  if (answer && answer.ok) field.value = await answer.text();
  else field.reportValidity();
  field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  input.value = "";
}));

// Search while typing.
const query = one("#q"), found = one("[data-live-search]");
if (query && found) {
  let wait = 0, latest = 0;
  query.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const serial = ++latest, words = query.value.trim();
      const address = "/?q=" + encodeURIComponent(words);
      const answer = await fetch(address + "&part=list", { headers: { accept: "text/html" } });
      if (serial !== latest || !answer.ok) return;
      // Markup of our own server, the same that the page itself is made of.
      found.innerHTML = await answer.text();
      const heading = one("#heading");
      heading.textContent = words ? "Results for “" + words + "”" : "Files";
      history.replaceState(null, "", words ? address : "/");
    }, 150);
  });
}

// Uploading.
const form = one("#upload");
if (form) {
  form.hidden = false;
  const chosen = [];
  const drop = one("#drop"), start = one("#start"), pause = one("#pause");
  const bar = one("#progress progress"), says = one("#progress p"), list = one("#chosen");
  let paused = false, wake = null, current = null, sending = false;

  const bytes = (count) => {
    const units = ["bytes", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (count >= 999.5 && unit < units.length - 1) { count /= 1000; unit++; }
    return (unit === 0 || count >= 9.95 ? Math.round(count) : count.toFixed(1)) + " " + units[unit];
  };

  const add = (file, path) => {
    if (chosen.some((known) => known.path === path)) return;
    chosen.push({ file, path: path.normalize("NFC") });
  };

  // The chosen files, each of which can be taken out again; of a thousand, the first.
  const LISTED_MAX = 100;
  const line = (item) => {
    const row = document.createElement("li"), name = document.createElement("bdi"), says = document.createElement("span");
    row.className = "row";
    name.className = "row-name";
    name.textContent = item.path;
    says.className = "row-facts";
    says.textContent = item.problem ? item.problem : bytes(item.file.size);
    if (item.problem) row.classList.add("bad");
    row.append(name, says);
    if (!sending) {
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "button quiet";
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", "Remove " + item.path);
      remove.addEventListener("click", () => { chosen.splice(chosen.indexOf(item), 1); show(); });
      row.append(remove);
    }
    return row;
  };
  const show = () => {
    const size = chosen.reduce((sum, { file }) => sum + file.size, 0);
    const total = document.createElement("p"), rows = document.createElement("ul");
    total.textContent = chosen.length ? `${chosen.length} ${chosen.length === 1 ? "file" : "files"}, ${bytes(size)}` : "";
    rows.className = "rows";
    const first = [...chosen].sort((a, b) => Boolean(b.problem) - Boolean(a.problem)).slice(0, LISTED_MAX);
    rows.append(...first.map(line));
    list.replaceChildren(total, rows);
    if (chosen.length > LISTED_MAX) list.append(`and ${chosen.length - LISTED_MAX} more`);
    start.disabled = sending || chosen.length === 0;
  };

  // A folder that was dropped is walked through; its readers give 100 entries at a time.
  const walk = async (entry, path) => {
    if (entry.isFile) {
      add(await new Promise((done, fail) => entry.file(done, fail)), path + entry.name);
    } else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const part = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (part.length === 0) break;
        for (const inner of part) await walk(inner, path + entry.name + "/");
      }
    }
    show();
  };

  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const files = [...event.dataTransfer.files];
    for (const [place, entry] of entries.entries()) {
      if (entry) await walk(entry, ""); else if (files[place]) add(files[place], files[place].name);
    }
    show();
  });
  drop.addEventListener("keydown", (event) => {
    if (event.target === drop && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); one("#files").click(); }
  });
  for (const id of ["#files", "#folder"]) {
    one(id).addEventListener("change", (event) => {
      for (const file of event.target.files) add(file, file.webkitRelativePath || file.name);
      event.target.value = "";
      show();
    });
  }

  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const tus = (headers) => ({ "tus-resumable": "1.0.0", ...headers });
  const once = async (method, address, body) => {
    const answer = await fetch(address, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) })
      .catch(() => { throw new Error("The server can't be reached."); });
    if (answer.status === 204) return null;
    const told = await answer.json().catch(() => ({ detail: "The server answered " + answer.status + "." }));
    if (!answer.ok) throw Object.assign(new Error(told.detail), { final: answer.status < 500 && answer.status !== 429 });
    return told;
  };
  const later = (tries) => new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** Math.min(tries, 5), 30000)));
  // Every step is tried again until the server answers, as its bytes are.
  const json = async (method, address, body) => {
    for (let tries = 1; ; tries++) {
      try {
        return await once(method, address, body);
      } catch (problem) {
        if (problem.final) throw problem;
        says.textContent = `${problem.message} Trying again …`;
        await later(tries);
      }
    }
  };

  const modified = (file) => Math.floor(file.lastModified / 1000);
  // An upload goes on that was begun with the same files, under the same title and for the same people, and not finished.
  const batchFor = async () => {
    const audience = one("[name=audience]:checked", form).value;
    const groups = audience === "groups" ? all("[name=group]:checked", form).map((group) => group.value) : [];
    const sameSet = (some, others) => some.length === others.length && some.every((value) => others.includes(value));
    const typed = one("#title").value.trim();
    const open = (await json("GET", "/api/v1/uploads")).filter((batch) => batch.state === "open"
      && batch.audience === audience && sameSet(batch.groups, groups) && (!typed || batch.title === typed));
    const same = open.find((batch) => batch.files.length > 0
      && batch.files.every((known) => chosen.some(({ file, path }) =>
        path === known.path && file.size === known.size && modified(file) === known.modified_s)));
    if (same) return same.id;
    const names = [...new Set(chosen.map((file) => file.path.split("/")[0]))];
    const title = typed || (names.length > 1 ? `${names[0]} and ${names.length - 1} more` : names[0]);
    return (await json("POST", "/api/v1/uploads", { title, audience, groups })).id;
  };

  const untilGoingOn = () => new Promise((done) => { if (!paused) done(); else wake = done; });

  // The bytes from an offset on, in one request; the browser tells how far it is.
  const patch = (address, file, offset, moved) => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    current = request;
    request.open("PATCH", address);
    for (const [name, value] of Object.entries(tus({ "upload-offset": offset, "content-type": "application/offset+octet-stream" }))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => moved(offset + event.loaded);
    request.onload = () => {
      if (request.status === 204) return done(Number(request.getResponseHeader("upload-offset")));
      let detail = "The server answered " + request.status;
      try { detail = JSON.parse(request.responseText).detail; } catch { /* It is said in the status. */ }
      const again = request.status >= 500 || [409, 423, 429, 400].includes(request.status);
      fail(Object.assign(new Error(detail), { final: !again || request.status === 507 }));
    };
    request.onerror = request.onabort = () => fail(new Error("The connection broke off."));
    // Parts of 64 MiB, so that a proxy with a limit and a slow confirmation cost little.
    request.send(file.slice(offset, offset + (64 << 20)));
  });

  const send = async (batch, { file, path }, moved) => {
    const told = [["batch", batch], ["relativePath", path], ["filename", file.name], ["mtime", String(modified(file))]];
    const metadata = told.map(([name, value]) => name + " " + base64(value)).join(",");
    let address = null, offset = 0, tries = 0;
    while (address === null || offset < file.size) {
      await untilGoingOn();
      try {
        if (address === null) {
          const answer = await fetch("/tus", { method: "POST", headers: tus({ "upload-length": file.size, "upload-metadata": metadata }) })
            .catch(() => { throw new Error("The server can't be reached."); });
          if (!answer.ok) {
            const problem = await answer.json().catch(() => ({ detail: "The server answered " + answer.status + "." }));
            throw Object.assign(new Error(problem.detail), { final: answer.status < 500 && answer.status !== 429 });
          }
          address = answer.headers.get("location");
          offset = Number(answer.headers.get("upload-offset"));
        } else if (tries > 0) {
          const answer = await fetch(address, { method: "HEAD", headers: tus({}) })
            .catch(() => { throw new Error("The server can't be reached."); });
          if (answer.status === 404) throw Object.assign(new Error("The server no longer has this upload. Upload the file again."), { final: true });
          if (!answer.ok) throw new Error("The server answered " + answer.status + ".");
          offset = Number(answer.headers.get("upload-offset"));
        }
        moved(offset);
        if (offset < file.size) offset = await patch(address, file, offset, moved);
        tries = 0;
      } catch (problem) {
        if (problem.final) throw problem;
        if (paused) { tries = 1; continue; }
        tries++;
        says.textContent = `${problem.message} Trying again …`;
        await later(tries);
      }
    }
  };

  const finish = async (batch) => {
    let told = await json("POST", `/api/v1/uploads/${batch}/finish`);
    while (told.state === "sealing" || told.state === "open") {
      says.textContent = "Uploaded. Checking the files …";
      await new Promise((done) => setTimeout(done, 500));
      told = await json("GET", `/api/v1/uploads/${batch}`);
    }
    if (told.state !== "done") throw Object.assign(new Error(told.problem), { final: true });
    return "/s/" + told.share;
  };

  // What was refused stays in the list with its reason; the rest is there.
  const tell = (share) => {
    const refused = chosen.filter((item) => item.problem);
    if (refused.length === 0) return location.assign(share);
    const link = document.createElement("a");
    link.href = share;
    link.textContent = "Open what was uploaded";
    says.textContent = `${refused.length} of ${chosen.length} files could not be uploaded. `;
    says.append(link);
    says.className = "notice bad";
    show();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    sending = true;
    for (const item of chosen) item.problem = null;
    show();
    pause.hidden = false;
    says.className = "";
    one("#progress").hidden = false;
    const total = chosen.reduce((sum, { file }) => sum + file.size, 0);
    const begun = Date.now();
    let before = 0, fresh = null;
    const leave = (event) => event.preventDefault();
    addEventListener("beforeunload", leave);
    try {
      const batch = await batchFor();
      for (const [place, item] of chosen.entries()) {
        const sent = send(batch, item, (offset) => {
          const done = before + offset;
          if (fresh === null) fresh = done;
          const rate = (done - fresh) / Math.max(1, (Date.now() - begun) / 1000);
          bar.value = total ? done / total : 1;
          says.textContent = `${bytes(done)} of ${bytes(total)}, file ${place + 1} of ${chosen.length}` + (rate > 0 ? `, ${bytes(rate)} a second` : "");
        });
        // One file that is refused keeps none of the others.
        await sent.catch((problem) => { item.problem = problem.message; show(); });
        before += item.file.size;
      }
      if (chosen.every((item) => item.problem)) {
        await json("DELETE", "/api/v1/uploads/" + batch);
        throw new Error(chosen.length === 1 ? `${chosen[0].path}: ${chosen[0].problem}` : "None of the files could be uploaded.");
      }
      bar.value = 1;
      const share = await finish(batch);
      removeEventListener("beforeunload", leave);
      pause.hidden = true;
      tell(share);
    } catch (problem) {
      removeEventListener("beforeunload", leave);
      says.textContent = problem.message;
      says.className = "notice bad";
      sending = false;
      pause.hidden = true;
      show();
    }
  });

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.lastChild.textContent = paused ? "Resume" : "Pause";
    if (paused) { if (current) current.abort(); says.textContent = "Paused. You can resume it here later, too: choose the same files again."; }
    else if (wake) { wake(); wake = null; }
  });

  all("[data-give-up]").forEach((button) => button.addEventListener("click", async () => {
    await json("DELETE", "/api/v1/uploads/" + button.dataset.giveUp);
    button.closest("li").remove();
  }));

  // What is being checked becomes a share in a moment.
  if (one("[data-state=sealing]")) setTimeout(() => location.reload(), 3000);
}
