/* SPDX-License-Identifier: Apache-2.0 */
/* The console without this script shows and does the same, only less live. It renews the dashboard in place, copies what is to be typed into a miner, and ticks all
 * boxes at once. A renewal changes what differs and nothing else, so that scroll, focus and what is open stay; it waits while somebody selects text or types. */
(() => {
  "use strict";

  const EVERY = 10; // seconds between two renewals
  const PATIENCE = 8; // seconds until one has failed

  /* Making one tree like another. */

  function keyed(parent) {
    const found = new Map();
    for (const child of parent.children) {
      if (child.id) {
        found.set(child.id, child);
      }
    }
    return found;
  }

  function alike(a, b) {
    return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
  }

  function renewAttributes(old, wanted) {
    const own = (name) => name === "open" && old.nodeName === "DETAILS"; // the reader opened it
    for (const { name } of [...old.attributes]) {
      if (!wanted.hasAttribute(name) && !own(name)) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of wanted.attributes) {
      if (old.getAttribute(name) !== value && !own(name)) {
        old.setAttribute(name, value);
      }
    }
  }

  function renewChildren(old, wanted) {
    const mine = keyed(old);
    const stays = keyed(wanted);
    let here = old.firstChild;
    for (const next of [...wanted.childNodes]) {
      while (here && here.id && !stays.has(here.id)) {
        const gone = here;
        here = here.nextSibling;
        gone.remove();
      }
      const match = (next.id && mine.get(next.id)) || (here && alike(here, next) ? here : null);
      if (!match) {
        old.insertBefore(next, here);
      } else {
        if (match === here) {
          here = here.nextSibling;
        } else {
          old.insertBefore(match, here);
        }
        renew(match, next);
      }
    }
    while (here) {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    }
  }

  function renew(old, wanted) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== wanted.nodeValue) {
        old.nodeValue = wanted.nodeValue;
      }
    } else if (!old.isEqualNode(wanted)) {
      renewAttributes(old, wanted);
      renewChildren(old, wanted);
    }
  }

  /* The dashboard that renews itself. */

  const live = document.querySelector("[data-live]");
  const pause = document.querySelector("[data-pause]");
  const alarm = document.querySelector("[data-unreachable]");
  let good = Date.now(); // when the page was last true
  let tried = Date.now();
  let failing = null; // since when it cannot be renewed
  let paused = false;
  let running = false;

  function clock(when) {
    return new Date(when).toISOString().slice(11, 19) + " UTC";
  }

  function ago(seconds) {
    return seconds < 90 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
  }

  function isBusy() {
    const selection = document.getSelection();
    const active = document.activeElement;
    return (selection && !selection.isCollapsed) || (active && active.matches("input, textarea, select"));
  }

  function show() {
    const seconds = Math.max(0, Math.round((Date.now() - good) / 1000));
    live.textContent = failing ? "not live" : paused ? "paused, updated " + ago(seconds) : "updated " + ago(seconds);
    live.classList.toggle("is-paused", paused && !failing);
    live.classList.toggle("is-failing", Boolean(failing));
    const text = failing ? `Cannot reach the proxy since ${clock(failing.since)}${failing.why}. What you see is from ${clock(good)}; it tries again every ${EVERY} s.` : "";
    if (alarm.textContent !== text) {
      alarm.textContent = text;
      alarm.hidden = !text;
    }
  }

  async function load() {
    const answer = await fetch(location.origin + location.pathname + location.search, { // a user and password in the address must not come along
      headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE * 1000),
    });
    if (!answer.ok) {
      throw new Error(`it answers ${answer.status}`);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("[data-live]")) {
      throw new Error("another page came");
    }
    return page;
  }

  // The row or section that the reader looks at: it must not move when what is above it grows.
  function findAnchor() {
    const seen = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    return seen && seen.closest("tr[id], .feed li, section");
  }

  function replaceRegions(page) {
    const focused = document.activeElement;
    const anchor = findAnchor();
    const top = anchor && anchor.getBoundingClientRect().top;
    for (const region of document.querySelectorAll("[data-refresh]")) {
      const wanted = page.getElementById(region.id);
      if (wanted) {
        renew(region, wanted);
      }
    }
    if (anchor && anchor.isConnected && scrollY > 0) {
      scrollBy(0, anchor.getBoundingClientRect().top - top);
    }
    if (focused && focused !== document.activeElement && focused.isConnected) {
      focused.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    running = true;
    tried = Date.now();
    try {
      const page = await load();
      if (!isBusy() && !paused) {
        replaceRegions(page);
        good = Date.now();
      }
      failing = null;
    } catch (error) {
      const why = error.constructor === Error ? ` (${error.message})` : "";
      failing = { since: failing ? failing.since : Date.now(), why };
    }
    running = false;
    show();
  }

  function tick() {
    const isDue = Date.now() - tried >= EVERY * 1000;
    if (isDue && !running && !paused && !document.hidden && !isBusy()) {
      refresh();
    }
    show();
  }

  if (live && pause && alarm) {
    live.hidden = false;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Resume" : "Pause";
      tried = paused ? tried : 0;
      tick();
    });
    document.addEventListener("visibilitychange", tick);
    setInterval(tick, 1000);
    show();
  }

  /* Copying. Browsers give the clipboard to https only; elsewhere the selection does. */

  async function copy(source) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      return true;
    } catch {
      document.getSelection().selectAllChildren(source);
      const done = document.execCommand("copy");
      if (done) {
        document.getSelection().removeAllRanges();
      }
      return done;
    }
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.firstChild;
    const said = label.nodeValue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      label.nodeValue = (await copy(document.getElementById(button.dataset.copy))) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { label.nodeValue = said; }, 2000);
    });
  }

  /* Ticking all. */

  for (const label of document.querySelectorAll("[data-select-all]")) {
    const all = label.querySelector("input");
    const form = document.getElementById(label.dataset.selectAll);
    const boxes = [...form.elements].filter((element) => element.name === "worker");
    const count = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    };
    label.hidden = boxes.length < 2;
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
    boxes.forEach((box) => box.addEventListener("change", count));
    count();
  }
})();
