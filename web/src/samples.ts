// Programs for the reader's terminal: one that sends a delivery again by hand, and those that verify a webhook.

/** One word for a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// Set anew by the command: the signature is valid for its own time alone.
const computed = ['webhook-timestamp', 'webhook-signature'];
// curl writes these itself.
const ofTransport = ['host', 'content-length', 'connection', 'accept-encoding'];

/**
 * Sends the same body again, signed with the secret in $WEBHOOK_SECRET: what the page knows of the signature is cut
 * short. `headers` null: nothing was sent yet.
 */
export function curlOf(
  delivery: { id: string; webhook_url: string },
  headers: Record<string, string> | null,
  body: string,
): string {
  const sent = Object.entries(
    headers ?? { 'content-type': 'application/json', 'webhook-id': delivery.id },
  ).filter(([name]) => ![...computed, ...ofTransport].includes(name.toLowerCase()));
  return [
    `# With your own secret: export WEBHOOK_SECRET='whsec_…'`,
    `body=${shellQuote(body)}`,
    `time=$(date +%s)`,
    `key=$(printf '%s' "\${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')`,
    `signature=$(printf '%s' ${shellQuote(`${delivery.id}.`)}"$time.$body" |`,
    `  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)`,
    `curl -i ${shellQuote(delivery.webhook_url)} \\`,
    ...sent.map(([name, value]) => `  -H ${shellQuote(`${name}: ${value}`)} \\`),
    `  -H "webhook-timestamp: $time" -H "webhook-signature: v1,$signature" \\`,
    `  --data-binary "$body"`,
  ].join('\n');
}

export interface CaughtRequest {
  id: string; // webhook-id
  timestamp: string;
  signature: string;
  body: string;
}

/** What is signed of a request that the catcher has kept. */
export function caughtRequest({
  headers,
  body,
}: {
  headers: Record<string, string>;
  body: string;
}): CaughtRequest {
  const of = (name: string): string => headers[`webhook-${name}`] ?? '';
  return { id: of('id'), timestamp: of('timestamp'), signature: of('signature'), body };
}

export const languages = ['curl', 'Node', 'Python', 'Go'] as const;
export type Language = (typeof languages)[number];

/**
 * A receiver in each language, and for the shell a check of one request that was caught. `secret` is the user's own, or
 * a placeholder.
 */
export function sampleOf(language: Language, secret: string, caught: CaughtRequest | null): string {
  switch (language) {
    case 'curl':
      return shellSample(secret, caught);
    case 'Node':
      return nodeSample(secret);
    case 'Python':
      return pythonSample(secret);
    case 'Go':
      return goSample(secret);
  }
}

export const runWith: Record<Language, string> = {
  curl: 'In a terminal with OpenSSL',
  Node: 'Save as receiver.mjs and run: node receiver.mjs',
  Python: 'Save as receiver.py and run: python3 receiver.py',
  Go: 'Save as receiver.go and run: go run receiver.go',
};

function shellSample(secret: string, caught: CaughtRequest | null): string {
  const of = caught ?? {
    id: '<webhook-id>',
    timestamp: '<webhook-timestamp>',
    signature: '<webhook-signature>',
    body: '<body>',
  };
  return `# ${caught === null ? 'Put in what you received' : 'The request that was caught above'}, byte for byte.
id=${shellQuote(of.id)}
time=${shellQuote(of.timestamp)}
sent=${shellQuote(of.signature)}
body=${shellQuote(of.body)}
secret=${shellQuote(secret)}

key=$(printf '%s' "\${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
own=v1,$(printf '%s' "$id.$time.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
case " $sent " in *" $own "*) echo 'the signature is right' ;; *) echo 'the signature is wrong' ;; esac`;
}

function nodeSample(secret: string): string {
  return `import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.WEBHOOK_SECRET ?? ${JSON.stringify(secret)};
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

function verify(headers, body) {
  const id = headers['webhook-id'];
  const time = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1000 - Number(time)) < 300)) return false;
  const own = Buffer.from('v1,' + createHmac('sha256', key).update(\`\${id}.\${time}.\`).update(body).digest('base64'));
  return String(headers['webhook-signature'])
    .split(' ')
    .map((sent) => Buffer.from(sent))
    .some((sent) => sent.length === own.length && timingSafeEqual(sent, own));
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!verify(request.headers, body)) return response.writeHead(401).end();
  console.log(request.headers['webhook-id'], JSON.parse(body));
  response.writeHead(204).end();
}).listen(process.env.PORT ?? 3000, () => console.log('listening'));`;
}

function pythonSample(secret: string): string {
  return `import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

secret = os.environ.get("WEBHOOK_SECRET", ${JSON.stringify(secret)})
key = base64.b64decode(secret.removeprefix("whsec_"))


def verify(headers, body):
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id')}.{sent_at}.".encode() + body
    own = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    sent = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(own, each) for each in sent)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        good = verify(self.headers, body)
        if good:
            print(self.headers["webhook-id"], json.loads(body), flush=True)
        self.send_response(204 if good else 401)
        self.end_headers()


server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Receiver)
print("listening", flush=True)
server.serve_forever()`;
}

function goSample(secret: string): string {
  return `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func verify(key []byte, header http.Header, body []byte) bool {
	sentAt, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sentAt, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", header.Get("webhook-id"), sentAt, body)
	own := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, sent := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(sent), own) {
			return true
		}
	}
	return false
}

func main() {
	secret, port := os.Getenv("WEBHOOK_SECRET"), os.Getenv("PORT")
	if secret == "" {
		secret = ${JSON.stringify(secret)}
	}
	if port == "" {
		port = "3000"
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic("WEBHOOK_SECRET is not a whsec_ secret")
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || !verify(key, r.Header, body) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Println(r.Header.Get("webhook-id"), string(body))
		w.WriteHeader(http.StatusNoContent)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	fmt.Println("listening")
	panic(http.Serve(listener, nil))
}`;
}
