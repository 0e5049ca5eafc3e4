// Sends what happens on a page: <script src="https://GATEWAY/v1/pathcast.js" data-token="TOKEN"></script>
// pathcast.track("view_item", {item_id: "tea-03"}) sends; pathcast.ask(...) also gives the three answers.
(function () {
  "use strict";
  const script = document.currentScript;
  const token = script.dataset.token ? "token=" + encodeURIComponent(script.dataset.token) : "";
  const url = new URL("/v1/events?" + token, script.src).href;
  const waiting = [];
  let timer = 0;

  function id() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  }
  let visitor = id(); // where storage is blocked, a visitor is a page's
  try {
    visitor = localStorage.getItem("pathcast_visitor") || visitor;
    localStorage.setItem("pathcast_visitor", visitor);
  } catch {}
  function event(name, fields) {
    const own = { event_id: id(), visitor_id: visitor, ts: Date.now(), event: name, page: location.pathname };
    return Object.assign(own, fields);
  }
  // Text needs no permission of the browser to go to another origin. What is not taken is sent again later.
  function flush() {
    clearTimeout(timer);
    timer = 0;
    for (let size = 50; waiting.length && size >= 1; ) {
      const body = new Blob([JSON.stringify(waiting.slice(0, size))], { type: "text/plain" });
      // A browser holds 64 kB of beacons. One event that is larger goes as a plain request, once.
      const large = size === 1 && body.size > 60000 && fetch(url, { method: "POST", mode: "no-cors", body });
      if (large) large.catch(() => console.warn("pathcast: an event of", body.size, "bytes was not sent"));
      if (large || navigator.sendBeacon(url, body)) waiting.splice(0, size);
      else size = Math.floor(Math.min(size, waiting.length) / 2);
    }
    if (waiting.length) timer = setTimeout(flush, 1000);
  }
  function send(one) {
    if (waiting.push(one) >= 20) flush();
    if (!timer) timer = setTimeout(flush, 1000);
  }
  const track = (name, fields) => send(event(name, fields));
  // JSON is asked for before it is sent to another origin: where it may not be, only the beacon sends it.
  async function ask(name, fields, timeoutMs) {
    const one = event(name, fields);
    const address = url + (token ? "&" : "") + "answers=1&timeout_ms=" + (timeoutMs || 150);
    const headers = { "Content-Type": "application/json" };
    const sent = fetch(address, { method: "POST", headers, body: JSON.stringify(one), keepalive: true });
    const answer = await sent.catch(() => ({ status: 503 }));
    // Sent again under its id, which is answered once: it may be on the topic already.
    if (answer.status === 429 || answer.status === 503) send(one);
    return answer.ok ? (await answer.json()).answers[one.event_id] || null : null;
  }
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  addEventListener("pagehide", flush);
  window.pathcast = { track, ask, flush };
  track("page_view");
})();
