"use strict";
// Shows events as they come, the newest first, and the figures of pools.

(() => {
  const table = document.getElementById("events");
  const body = table.tBodies[0];
  const filter = document.getElementById("filter");
  const pause = document.getElementById("pause");
  const section = table.closest("[data-process]");
  const DETAILS = ["from_state", "tries", "restart", "expected", "pid", "channel", "when", "remote_type"];
  const SHOWN = 200;
  const MOST = section ? 200 : 1000;
  let waiting = [];
  let paused = false;

  function time(seconds) {
    const local = new Date((seconds + Number(table.dataset.offset)) * 1000);
    return local.toISOString().replace("T", " ").replace("Z", "");
  }

  function about(event) {
    const { groupname = "", processname } = event;
    return processname === undefined || processname === groupname ? groupname : `${groupname}:${processname}`;
  }

  function details(event) {
    const parts = DETAILS.filter((name) => event[name] !== undefined).map((name) => `${name}:${event[name]}`);
    if (event.data !== undefined) {
      const cut = [...event.data].slice(0, SHOWN).join("");
      parts.push(cut.length < event.data.length ? `${cut}…` : cut);
    }
    return parts.join(" ");
  }

  function row(event) {
    const tr = document.createElement("tr");
    const cells = { time: time(event.time), type: event.type, about: about(event), details: details(event) };
    for (const [name, text] of Object.entries(cells)) {
      const td = tr.insertCell();
      td.className = name;
      td.textContent = text;
    }
    return tr;
  }

  const draw = page.onceAFrame(() => {
    if (paused) return;
    body.prepend(...waiting.reverse().map(row));
    waiting = [];
    while (body.rows.length > MOST) body.lastElementChild.remove();
  });

  function take(event) {
    waiting.push(event);
    if (waiting.length > MOST) waiting.shift();
    draw();
  }

  function fill(element, figures) {
    if (!element) return;
    for (const cell of element.querySelectorAll("[data-field]")) {
      const text = String(figures[cell.dataset.field]);
      if (cell.textContent !== text) cell.textContent = text;
    }
  }

  function pools(note) {
    const found = (kind, name) =>
      [...document.querySelectorAll(`[data-${kind}]`)].find((it) => it.dataset[kind] === name);
    for (const pool of note.pools || []) {
      fill(found("pool", pool.name), pool);
      for (const listener of pool.listeners) fill(found("listener", listener.name), listener);
    }
    if (page.status) page.status(note);
  }

  function address(last) {
    const query = new URLSearchParams([["since", last || table.dataset.since]]);
    if (section) query.append("process", section.dataset.process);
    for (const [name, value] of filter ? new FormData(filter) : []) if (value) query.append(name, value);
    return `events?status&${query}`;
  }

  if (pause) {
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      draw();
    });
  }
  const handlers = { STATUS: pools, GAP: () => {} };
  for (const name of table.dataset.types.split(" ")) handlers[name] = take;
  page.follow(address, handlers);
})();
