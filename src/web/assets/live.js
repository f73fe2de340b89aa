"use strict";
// What all pages share: the event stream, and forms that are sent without leaving the page.

const page = (() => {
  const root = document.documentElement;
  const connection = document.getElementById("connection");
  const message = document.getElementById("message");
  // A hidden page gives its connection back: browsers have few for each site.
  const HIDDEN_FOR = 2_000;
  const FIRST_PAUSE = 500;
  const LONGEST_PAUSE = 15_000;

  root.classList.add("js");

  function say(text) {
    message.textContent = text;
    message.classList.toggle("status_msg", text !== "");
  }

  function show(live) {
    root.classList.toggle("live", live);
    connection.textContent = live ? "Live" : "Not connected";
  }

  // The absolute address of a page: a relative one takes the password along that the address of this page may have,
  // and scripts may not fetch that.
  const at = (path) => new URL(path, location.origin + location.pathname);

  // Calls `start` when the page is shown, at once if it is, and `stop` when it has been hidden for a while or is left.
  function whileShown(start, stop) {
    let started = false;
    let hiding = 0;

    function set(wanted) {
      if (wanted === started) return;
      started = wanted;
      if (wanted) start();
      else stop();
    }

    document.addEventListener("visibilitychange", () => {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(set, HIDDEN_FOR, false);
      else set(true);
    });
    addEventListener("pagehide", () => set(false));
    addEventListener("pageshow", () => set(!document.hidden));
    set(!document.hidden);
  }

  // Follows the event stream. `address` gives it, behind the event with the id it is given; `handlers` take the
  // events of their type. `opened` is called each time it is open.
  function follow(address, handlers, opened = () => {}) {
    let source = null;
    let last = "";
    let pause = FIRST_PAUSE;
    let retry = 0;

    function open() {
      close();
      source = new EventSource(at(address(last)));
      source.onopen = () => {
        pause = FIRST_PAUSE;
        show(true);
        opened();
      };
      source.onerror = () => {
        show(false);
        // Where the browser does not try again by itself.
        if (source && source.readyState === EventSource.CLOSED) {
          retry = setTimeout(open, pause);
          pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
      };
      for (const [type, take] of Object.entries(handlers)) {
        source.addEventListener(type, (event) => {
          last = event.lastEventId || last;
          take(JSON.parse(event.data));
        });
      }
    }

    function close() {
      clearTimeout(retry);
      if (source) source.close();
      source = null;
    }

    whileShown(open, close);
  }

  // Calls `work` at most once for each frame that is drawn, or soon where none is.
  function onceAFrame(work) {
    let due = false;
    const run = () => {
      if (due) {
        due = false;
        work();
      }
    };
    return () => {
      if (due) return;
      due = true;
      if (document.hidden) setTimeout(run, 200);
      else requestAnimationFrame(run);
    };
  }

  // What a form's action came to is in the address that the answer leads to.
  async function send(form, button) {
    const body = new URLSearchParams(new FormData(form, button));
    // Not disabled: that would lose the focus.
    button.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(at(form.getAttribute("action")), { method: "POST", body });
      const told = new URL(response.url).searchParams.get("message");
      if (response.status === 403) location.reload();
      else if (!response.ok) say(`The daemon answered ${response.status} ${response.statusText}`);
      else if (told !== null) say(told);
      if (response.ok) dispatchEvent(new CustomEvent("acted", { detail: body.get("action") }));
      const refreshed = body.get("action") === "refresh" && response.ok;
      if (refreshed) dispatchEvent(new CustomEvent("renewed", { detail: await response.text() }));
      else if (response.body) response.body.cancel();
    } catch {
      say("The daemon does not answer");
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.id === "confirm" || !event.submitter) return;
    event.preventDefault();
    if (!event.submitter.hasAttribute("aria-busy")) send(form, event.submitter);
  });

  return { at, follow, onceAFrame, say, whileShown };
})();
