// The shared worker: one stream for all tabs, since plain HTTP/1.1 gives an
// origin six connections. Its address carries the assets' hash, so tabs of two
// builds never share one.

import { Hub } from "./net/hub.js";

const hub = new Hub();

addEventListener("connect", (event) => {
  const port = /** @type {MessageEvent} */ (event).ports[0];
  port.onmessage = ({ data }) => hub.take(port, data);
  // The tab says when it goes; this is for one that crashed.
  port.addEventListener("close", () => hub.take(port, { type: "detach" }));
});
