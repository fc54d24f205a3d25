// Verifies webhook signatures as receivers do: a shared secret ("whsec_") with the third-party package
// `standardwebhooks`, a public key ("whpk_"), which that package does not support, with Node's own Ed25519. Reads one
// JSON object per line from standard input, {"secret","id","timestamp","body","signature"}, and prints the number
// verified. Exit code: 0 if every line verified, 1 if one did not (each is named on standard error), 2 if there was no
// input.
import { createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

// The prefix of an Ed25519 public key's SubjectPublicKeyInfo, before its 32 bytes (RFC 8410, section 4).
const spki_prefix = Buffer.from("302a300506032b6570032100", "hex");
const tolerance = 5 * 60; // seconds, as in standardwebhooks

function verify_with_public_key(message) {
  const raw = Buffer.from(message.secret.slice("whpk_".length), "base64");
  if (raw.length !== 32) throw new Error("a public key has 32 bytes");
  const key = createPublicKey({ key: Buffer.concat([spki_prefix, raw]), format: "der", type: "spki" });
  if (!(Math.abs(Date.now() / 1000 - Number(message.timestamp)) <= tolerance)) throw new Error("too old or too new");
  const content = Buffer.from(`${message.id}.${message.timestamp}.${message.body}`);
  const good = message.signature.split(" ").some((signature) => {
    const [version, value] = signature.split(",");
    return version === "v1a" && verify(null, content, key, Buffer.from(value, "base64"));
  });
  if (!good) throw new Error("No matching signature found");
  return JSON.parse(message.body);
}

function verify_with_secret(message) {
  return new Webhook(message.secret).verify(message.body, {
    "webhook-id": message.id,
    "webhook-timestamp": String(message.timestamp),
    "webhook-signature": message.signature,
  });
}

let verified = 0;
let refused = 0;
let line_number = 0;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  ++line_number;
  if (line === "") continue;
  try {
    const message = JSON.parse(line);
    const parsed = message.secret.startsWith("whpk_") ? verify_with_public_key(message) : verify_with_secret(message);
    if (JSON.stringify(parsed) !== JSON.stringify(JSON.parse(message.body))) {
      throw new Error("verified, but parsed as a different body");
    }
    ++verified;
  } catch (error) {
    ++refused;
    console.error(`line ${line_number}: ${error.message}`);
  }
}
console.log(`${verified} verified`);
process.exitCode = refused > 0 ? 1 : verified > 0 ? 0 : 2;
