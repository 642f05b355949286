// What the walks of storage share: clients of a project as anon, as two users and with the secret key; buckets of the walk's own; checks that print a line
// each and count for the methods that they are about.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import zlib from 'node:zlib'
import { client, data, mark, patient } from './harness.mjs'
import { failure, walk } from './walk.mjs'

const { PROJECT_URL, PUBLISHABLE_KEY, SECRET_KEY } = process.env
export const BASE = `${PROJECT_URL}/storage/v1`
/** until asks again and again, for ten seconds, until something is so. */
export async function until(what, isSo) {
  for (const end = Date.now() + 10_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`${what}: not within ten seconds`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** request is a fetch without a client, which waits as long as the limit of requests says. */
export const request = patient

export const admin = client(SECRET_KEY).storage
export const anon = client(PUBLISHABLE_KEY).storage
/** user signs somebody up and returns their id, their token and a storage client that uses it. */
export async function user(name) {
  const whole = client(PUBLISHABLE_KEY)
  const { user, session } = await data(whole.auth.signUp({ email: `${name}.${mark}@example.com`, password: 'correct horse battery' }))
  return { id: user.id, token: session.access_token, storage: whole.storage }
}

let n = 0
/** bucket makes a bucket that nobody has. The policies go by the beginning of its name: see storage.sql. */
export async function bucket(kind, options = { public: false }) {
  const id = `${kind}-${mark}-${++n}`
  await good(admin.createBucket(id, options))
  return id
}

/** step is a check of one or more methods. */
export async function step(methods, name, run) {
  const ok = await walk(methods, run)
  console.log(ok ? `ok ${methods}: ${name}` : `FAILED ${methods}: ${name}: ${failure(methods.split(' ')[0])}`)
}

/** good requires a call to succeed and returns its data. */
export async function good(call) {
  const { data, error } = await call
  assert.equal(error, null, error && `${error.name} ${error.status} ${error.statusCode}: ${error.message}`)
  return data
}

/** bad requires a call to fail with the code that the body names, and what the message says. */
export async function bad(call, statusCode, message) {
  const { data, error } = await call
  assert.ok(error, `it was not refused: ${JSON.stringify(data)}`)
  assert.equal(error.statusCode, String(statusCode), `${error.name} ${error.status} ${error.statusCode}: ${error.message}`)
  if (message) assert.match(error.message, message)
  return error
}

export const text = async (call) => (await good(call)).text()
export const bytes = async (call) => Buffer.from(await (await good(call)).arrayBuffer())

/** answered requires a status of a plain request and returns the answer. */
export async function answered(url, status, init) {
  const answer = await request(url, init)
  assert.equal(answer.status, status, `${url}: ${answer.status} ${await answer.clone().text()}`)
  return answer
}

export const random = (size) => crypto.randomBytes(size)
export const sha = (content) => crypto.createHash('sha256').update(content).digest('hex')

/** tampered changes a token's payload and leaves its signature. */
export function tampered(token, change) {
  const [head, payload, signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url'))
  return [head, Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url'), signature].join('.')
}

/** png draws a picture of one colour. */
export function png(width, height) {
  const chunk = (type, content) => {
    const body = Buffer.concat([Buffer.from(type), content])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(content.length)
    body.copy(out, 4)
    out.writeUInt32BE(zlib.crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  const line = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0x7f)])
  const lines = Buffer.concat(Array(height).fill(line))
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(lines)), chunk('IEND', Buffer.alloc(0))])
}
export { data, mark, walk }
