// Verifies webhook signatures with `standardwebhooks`, a package written by others. Reads one JSON object a line
// from standard input, {"secret","id","timestamp","body","signature"}, and prints how many it verified. Exit code:
// 0 when every line verified, 1 when one did not (each is named on standard error), 2 when there was nothing.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let verified = 0;
let refused = 0;
let line_number = 0;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  ++line_number;
  if (line === "") continue;
  try {
    const message = JSON.parse(line);
    const parsed = new Webhook(message.secret).verify(message.body, {
      "webhook-id": message.id,
      "webhook-timestamp": String(message.timestamp),
      "webhook-signature": message.signature,
    });
    if (JSON.stringify(parsed) !== JSON.stringify(JSON.parse(message.body))) {
      throw new Error("verified, but read as another body");
    }
    ++verified;
  } catch (error) {
    ++refused;
    console.error(`line ${line_number}: ${error.message}`);
  }
}
console.log(`${verified} verified`);
process.exitCode = refused > 0 ? 1 : verified > 0 ? 0 : 2;
