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

  async function read() {
    const response = await fetch(address);
    if (!response.ok) throw new Error(response.statusText);
    // The stream begins with the last kilobyte of what is shown already.
    let known = view.textContent;
    lines = [];
    rest = "";
    add(known);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let first = true; ; first = false) {
      const { value, done } = await reader.read();
      if (done) return;
      add(first ? unseen(known, value) : value);
    }
  }

  // What of a text comes after the end of another that it overlaps.
  function unseen(shown, text) {
    for (let length = Math.min(shown.length, text.length); length > 0; length--) {
      if (shown.endsWith(text.slice(0, length))) return text.slice(length);
    }
    return text;
  }

  async function keepReading() {
    for (let pause = 500; ; pause = Math.min(2 * pause, 15_000)) {
      try {
        await read();
        pause = 500;
      } catch {
        // The daemon is away, or the log is: tried again.
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
  keepReading();
})();
