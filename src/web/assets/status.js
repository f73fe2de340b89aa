"use strict";
// Keeps the rows of processes as they are: what the stream tells is put into their cells, a frame at a time, so an
// event costs one row whatever the number of rows.

(() => {
  const content = document.getElementById("content");
  const search = document.getElementById("search");
  let looks = {};
  let rows = new Map();
  let counts = new Map();
  // What the clock here is behind that of the daemon, in seconds.
  let skew = 0;
  // Rows within the window: only their uptimes are kept going.
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) seen.add(entry.target.dataset.name);
      else seen.delete(entry.target.dataset.name);
    }
  });
  const news = new Map();

  function read() {
    const table = document.getElementById("processes");
    looks = table ? JSON.parse(table.dataset.states) : {};
    watcher.disconnect();
    seen.clear();
    rows = new Map();
    for (const tr of content.querySelectorAll("tr[data-name]")) {
      const cell = (name) => tr.querySelector(`.${name}`);
      rows.set(tr.dataset.name, {
        tr,
        body: tr.parentElement,
        text: `${tr.dataset.name} ${tr.parentElement.dataset.group || ""}`.toLowerCase(),
        state: cell("state").firstElementChild,
        description: cell("description"),
        form: cell("actions").querySelector("form"),
        restarts: cell("restarts"),
        cpu: cell("cpu"),
        memory: cell("memory"),
      });
      watcher.observe(tr);
    }
    counts = new Map();
    for (const li of content.querySelectorAll("#counts li")) counts.set(li.dataset.state, li);
  }

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function count(state, change) {
    const li = counts.get(state);
    if (!li) return;
    const number = Number(li.firstElementChild.textContent) + change;
    li.firstElementChild.textContent = number;
    li.hidden = number === 0;
  }

  function button([action, label], name) {
    const made = document.createElement("button");
    made.name = "action";
    made.value = action;
    made.textContent = label;
    made.setAttribute("aria-label", `${label} ${name}`);
    return made;
  }

  // Adds and removes what has to be; what stays keeps the focus.
  function setButtons(row, wanted) {
    const there = new Map([...row.form.querySelectorAll("button")].map((it) => [it.value, it]));
    const lost = document.activeElement;
    for (const [action, old] of there) {
      if (!wanted.some((it) => it[0] === action)) old.remove();
    }
    let after = null;
    for (const one of [...wanted].reverse()) {
      const kept = there.get(one[0]) || button(one, row.tr.dataset.name);
      if (!kept.isConnected) row.form.insertBefore(kept, after);
      after = kept;
    }
    if (lost && !lost.isConnected && after) after.focus();
  }

  function setState(row, state) {
    const before = row.tr.dataset.state;
    if (before === state) return;
    const look = looks[state];
    row.tr.dataset.state = state;
    row.state.className = look.class;
    put(row.state, state.toLowerCase());
    setButtons(row, look.buttons);
    count(before, -1);
    count(state, 1);
  }

  // It is not configured any more.
  function remove(row) {
    count(row.tr.dataset.state, -1);
    row.tr.dataset.state = "REMOVED";
    row.state.className = "statusnominal";
    put(row.state, "removed");
    setButtons(row, []);
    delete row.tr.dataset.start;
    put(row.description, "Not configured any more");
  }

  function uptime(row) {
    const { start, pid } = row.tr.dataset;
    if (start === undefined) return;
    const up = Math.max(0, Math.floor(Date.now() / 1000 + skew - start));
    const days = Math.floor(up / 86400);
    const two = (n) => String(n).padStart(2, "0");
    const clock = `${Math.floor(up / 3600) % 24}:${two(Math.floor(up / 60) % 60)}:${two(up % 60)}`;
    const before = days === 0 ? "" : `${days} day${days === 1 ? "" : "s"}, `;
    put(row.description, `pid ${pid}, uptime ${before}${clock}`);
  }

  function update(row, shown) {
    setState(row, shown.state);
    if (shown.start === undefined) {
      delete row.tr.dataset.start;
      put(row.description, shown.description || "");
    } else {
      row.tr.dataset.start = shown.start;
      row.tr.dataset.pid = shown.pid;
      uptime(row);
    }
    put(row.restarts, String(shown.restarts));
    put(row.cpu, shown.cpu);
    put(row.memory, shown.memory);
  }

  function matches(row, wanted) {
    return row.text.includes(wanted) || row.tr.dataset.state.toLowerCase().includes(wanted);
  }

  const draw = page.onceAFrame(() => {
    const wanted = search ? search.value.trim().toLowerCase() : "";
    for (const [name, shown] of news) {
      const row = rows.get(name);
      if (!row) continue;
      if (shown === null) {
        remove(row);
        continue;
      }
      update(row, shown);
      if (wanted) {
        row.tr.hidden = !matches(row, wanted);
        if (!row.tr.hidden) row.body.hidden = false;
      }
    }
    news.clear();
  });

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    for (const row of rows.values()) row.tr.hidden = wanted !== "" && !matches(row, wanted);
    for (const body of content.querySelectorAll("tbody")) {
      body.hidden = !body.querySelector("tr[data-name]:not([hidden])");
    }
    const address = new URL(location.href);
    address.search = wanted === "" ? "" : `?q=${encodeURIComponent(search.value.trim())}`;
    history.replaceState(null, "", address);
  }

  // Takes the rows of a page that was loaded anew.
  function renew(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    const fresh = next.getElementById("content");
    if (!fresh) return;
    const token = next.querySelector("input[name=token]");
    if (token) for (const old of document.querySelectorAll("input[name=token]")) old.value = token.value;
    content.replaceChildren(...fresh.childNodes);
    read();
    if (search && search.value) filter();
  }

  let loading = false;
  let again = false;
  async function reload() {
    again = loading;
    if (loading) return;
    loading = true;
    try {
      const response = await fetch(page.at(search ? "./" : location.search));
      if (response.ok) renew(await response.text());
    } finally {
      loading = false;
      if (again) reload();
    }
  }

  function take(note) {
    skew = note.now - Date.now() / 1000;
    for (const shown of note.processes) {
      if (search && !partial && !rows.has(shown.name)) reload();
      news.set(shown.name, shown);
    }
    for (const name of note.gone || []) news.set(name, null);
    draw();
  }

  // Whether the server has left out what the search did not find.
  let partial = search !== null && search.value !== "";
  if (search) {
    search.addEventListener("input", () => {
      if (partial) {
        partial = false;
        reload();
      } else {
        filter();
      }
    });
    search.form.addEventListener("submit", (event) => event.preventDefault());
  }
  addEventListener("renewed", (event) => {
    partial = false;
    renew(event.detail);
  });
  read();
  setInterval(() => {
    for (const name of seen) uptime(rows.get(name));
  }, 1000);

  // Pages with events of their own have the stream there.
  if (!document.getElementById("events")) {
    const address = () => "events?status&type=PROCESS_GROUP,SUPERVISOR_STATE_CHANGE";
    const handlers = {
      STATUS: take,
      PROCESS_GROUP_ADDED: reload,
      PROCESS_GROUP_REMOVED: reload,
      SUPERVISOR_STATE_CHANGE_STOPPING: () => page.say("Supervisor is shutting down"),
    };
    // After a time without the stream anything may have changed, the daemon included.
    let opened = document.hidden;
    page.follow(address, handlers, () => {
      if (opened) reload();
      opened = true;
    });
  }
  page.status = take;
})();
