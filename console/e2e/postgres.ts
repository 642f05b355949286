import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** Logs in with a postgres:// URL as a client does, by SCRAM and without TLS, runs one statement and answers with the first value of its last row. */
export async function askPostgres(url: string, sql: string): Promise<string | undefined> {
  const to = new URL(url);
  const socket = connect({ host: to.hostname, port: Number(to.port) });
  const messages = read(socket);
  try {
    socket.write(framed("", Buffer.concat([int32(196608), text("user", decodeURIComponent(to.username), "database", to.pathname.slice(1)), Buffer.from([0])])));
    await authenticate(socket, messages, decodeURIComponent(to.password));
    let value: string | undefined;
    for await (const { type, body } of messages) {
      if (type === "E") throw new Error(body.toString("utf8").replaceAll("\0", " "));
      if (type === "Z" && value !== undefined) return value;
      if (type === "Z") socket.write(framed("Q", text(sql)));
      if (type === "D") value = body.subarray(6, 6 + body.readInt32BE(2)).toString("utf8");
      if (type === "C" && value === undefined) value = "";
    }
    throw new Error("The server ended the connection.");
  } finally {
    socket.destroy();
  }
}

interface Message {
  type: string;
  body: Buffer;
}

async function authenticate(socket: Socket, messages: AsyncGenerator<Message>, password: string) {
  const nonce = randomBytes(18).toString("base64");
  const bare = `n=,r=${nonce}`;
  await expectAuthentication(messages, 10);
  const first = Buffer.from(`n,,${bare}`);
  socket.write(framed("p", Buffer.concat([text("SCRAM-SHA-256"), int32(first.length), first])));
  const challenge = (await expectAuthentication(messages, 11)).toString("utf8");
  const [, whole, salt, rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge)!;
  const salted = pbkdf2Sync(password, Buffer.from(salt!, "base64"), Number(rounds), 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const last = `c=biws,r=${whole}`;
  const signature = hmac(createHash("sha256").update(clientKey).digest(), `${bare},${challenge},${last}`);
  const proof = clientKey.map((byte, at) => byte ^ signature[at]!);
  socket.write(framed("p", Buffer.from(`${last},p=${Buffer.from(proof).toString("base64")}`)));
  await expectAuthentication(messages, 12);
}

async function expectAuthentication(messages: AsyncGenerator<Message>, kind: number): Promise<Buffer> {
  const { value, done } = await messages.next();
  if (done || value.type !== "R" || value.body.readInt32BE(0) !== kind) throw new Error(`The server refused: ${done ? "it ended the connection" : value.body.toString("utf8")}`);
  return value.body.subarray(4);
}

const hmac = (key: Buffer, data: string) => createHmac("sha256", key).update(data).digest();

function int32(n: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32BE(n);
  return out;
}

const text = (...parts: string[]) => Buffer.from(parts.map((part) => `${part}\0`).join(""));
const framed = (type: string, body: Buffer) => Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);

async function* read(socket: Socket): AsyncGenerator<Message> {
  let rest = Buffer.alloc(0);
  for await (const part of socket) {
    rest = Buffer.concat([rest, part as Buffer]);
    while (rest.length >= 5 && rest.length >= rest.readInt32BE(1) + 1) {
      const end = rest.readInt32BE(1) + 1;
      yield { type: String.fromCharCode(rest[0]!), body: rest.subarray(5, end) };
      rest = rest.subarray(end);
    }
  }
}
