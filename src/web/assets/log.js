"use strict";
// Follows a log: reads it as it grows, keeps the last lines, and shows those that are searched for.

(() => {
  const section = document.getElementById("log");
  const view = document.getElementById("tail");
  const address = section.dataset.address;
  if (!address || !view) return;
  const follow = document.getElementById("follow");
  const hold = document.getElementById("hold");
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const MOST = 5000;
  const LONGEST = 10_000;
  let lines = [];
  // The last line, as far as it has come.
  let rest = "";
  let held = false;
  let changed = true;
  // Whether there may be more of it than is shown.
  let stale = document.hidden;

  function forget() {
    lines = [];
    rest = "";
    changed = true;
    draw();
  }

  function add(text) {
    const parts = (rest + text).split("\n");
    rest = parts.pop().slice(-LONGEST);
    for (const part of parts) lines.push(part);
    if (lines.length > MOST) lines.splice(0, lines.length - MOST);
    changed = true;
    draw();
  }

  // A line with what was found in it marked; all of it is text.
  function marked(line, wanted) {
    const lower = line.toLowerCase();
    const pieces = [];
    let from = 0;
    // Where lower case has another length, places would not fit.
    for (let at = lower.length === line.length ? lower.indexOf(wanted) : -1; at >= 0; ) {
      const mark = document.createElement("mark");
      mark.textContent = line.slice(at, at + wanted.length);
      pieces.push(line.slice(from, at), mark);
      from = at + wanted.length;
      at = lower.indexOf(wanted, from);
    }
    pieces.push(`${line.slice(from)}\n`);
    return pieces;
  }

  const draw = page.onceAFrame(() => {
    if (held || !changed) return;
    changed = false;
    const wanted = find.value.toLowerCase();
    const all = rest === "" ? lines : [...lines, rest];
    if (wanted === "") {
      found.textContent = "";
      view.textContent = all.join("\n") + (rest === "" && all.length > 0 ? "\n" : "");
    } else {
      const hits = all.filter((line) => line.toLowerCase().includes(wanted));
      found.textContent = `${hits.length} line${hits.length === 1 ? "" : "s"}`;
      view.replaceChildren(...hits.flatMap((line) => marked(line, wanted)));
    }
    if (follow.checked) view.scrollTop = view.scrollHeight;
  });

  // The end of the log, as a page that is loaded now has it.
  async function latest(signal) {
    const response = await fetch(page.at(location.search), { signal });
    if (!response.ok) throw new Error(response.statusText);
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    return next.getElementById("tail")?.textContent ?? "";
  }

  // Reads until the stream ends. It begins with the last kilobyte of what is shown already.
  async function read(signal) {
    const known = stale ? await latest(signal) : view.textContent;
    const response = await fetch(page.at(address), { signal });
    if (!response.ok) throw new Error(response.statusText);
    stale = true;
    forget();
    add(known);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let first = true; ; first = false) {
      const { value, done } = await reader.read();
      if (done) return;
      add(first ? unseen(known, value) : value);
    }
  }

  // What of a text of the stream comes after the end of what is shown, which it overlaps. What is shown was a page:
  // there line ends are line feeds, and zeros are left out. The text may begin within a character.
  function unseen(shown, raw) {
    const text = raw.replace(/\r\n?/g, "\n").replaceAll("\0", "").replace(/^\uFFFD{1,3}/, "");
    for (let length = Math.min(shown.length, text.length); length > 0; length--) {
      if (shown.endsWith(text.slice(0, length))) return text.slice(length);
    }
    return text;
  }

  async function keepReading(signal) {
    for (let pause = 500; !signal.aborted; pause = Math.min(2 * pause, 15_000)) {
      try {
        await read(signal);
        pause = 500;
      } catch {
        // The daemon is away, or the log is: tried again. Or the page is hidden.
      }
      await new Promise((resume) => setTimeout(resume, pause));
    }
  }

  hold.addEventListener("click", () => {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    draw();
  });
  follow.addEventListener("change", () => {
    changed = true;
    draw();
  });
  find.addEventListener("input", () => {
    changed = true;
    draw();
  });
  view.scrollTop = view.scrollHeight;
  addEventListener("acted", (event) => {
    if (event.detail === "clearlog") forget();
  });
  let reading = null;
  page.whileShown(
    () => {
      reading = new AbortController();
      keepReading(reading.signal);
    },
    () => reading.abort(),
  );
})();
