// A plain EventSource, by the npm package: prints each event as a line of JSON.
import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
for (const type of ["hello", "message", "notice", "status", "bye", "error"]) {
  source.addEventListener(type, ({ data, lastEventId }) => {
    console.log(JSON.stringify({ type, data, lastEventId, readyState: source.readyState }));
  });
}
