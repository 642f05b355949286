// What the walk of auth shares: every public method of the client is called by its name through `walk`, so that at the end none is missing; the world's
// mail and text messages; a browser that follows redirects; an authenticator in software.
//
//   GATE is the address where all projects' hosts are served.
//   WORLD is the address of the test's own world: GET /mail?to=… and /text?to=… answer with the next message, when it comes.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { fetchAt } from './host_fetch.mjs'
import { client, mark } from './harness.mjs'
import { report as listed, walk } from './walk.mjs'

const { WORLD, GATE, ADDRESS, PUBLISHABLE_KEY, SECRET_KEY } = process.env
export const SITE = 'http://localhost:3000'
export const request = ADDRESS ? fetchAt(ADDRESS) : fetch
const byHost = fetchAt(GATE)

let n = 0
/** address makes an address that nobody has. */
export const address = (name) => `${name}-${mark}-${++n}@example.com`
export const number = () => `1555${String(crypto.randomInt(1e7)).padStart(7, '0')}`

/** hasty waits for the gateway's limit of requests, and not for those of auth, which the walk wants to see. */
async function hasty(input, init) {
  for (;;) {
    const answer = await request(input, init)
    if (answer.status !== 429 || (await answer.clone().json()).code !== 'RATE_LIMITED') return answer
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get('Retry-After') ?? 1)))
  }
}
const global = { fetch: hasty }

/** user is an unmodified client without a session. */
export const user = (auth = {}) =>
  client(PUBLISHABLE_KEY, { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false, experimental: { passkey: true }, ...auth }, global }).auth
export const admin = () => client(SECRET_KEY, { auth: { persistSession: false, autoRefreshToken: false, experimental: { passkey: true } }, global }).auth.admin

/** memory is a storage, which flows with PKCE need. */
export const memory = () => {
  const kept = new Map()
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) }
}

// The client's own business, and methods that TypeScript declares private: the published types do not offer them.
const PRIVATE = ['fetch', 'lock', 'logger', 'visibilityChangedCallback', 'handleInitialize', 'fetchJwk', 'exchangeCodeForSessionInternal', 'linkIdentityOAuth', 'linkIdentityIdToken', 'signInWithEthereum', 'signInWithSolana', 'unsubscribe', 'emitter']
/** report prints a line for each public method of the client, and ends with 1 when one fails or was not walked. */
export const report = (objects) => listed(objects, PRIVATE)
export { walk }

/** good requires a call to succeed and returns its data. */
export async function good(call) {
  const { data, error } = await call
  assert.equal(error, null, error && `${error.name} ${error.status} ${error.code}: ${error.message}`)
  return data
}

/** bad requires a call to fail, with GoTrue's code and status if they are given. */
export async function bad(call, code, status) {
  const { error } = await call
  assert.ok(error, 'it was not refused')
  if (code) assert.equal(error.code, code, `${error.status} ${error.code}: ${error.message}`)
  if (status) assert.equal(error.status, status, error.message)
}

async function world(path) {
  const answer = await fetch(WORLD + path, { signal: AbortSignal.timeout(30_000) })
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`)
  return answer
}

/** mail waits for the next mail to an address: {subject, text, html, code, link}. */
export async function mail(to) {
  const m = await (await world(`/mail?to=${encodeURIComponent(to)}`)).json()
  m.code = m.text.match(/\b\d{6}\b/)?.[0]
  m.link = m.html.match(/href="([^"]+\/verify[^"]*)"/)?.[1].replaceAll('&amp;', '&')
  return m
}
/** text waits for the code in the next text message to a number. */
export const text = async (to) => (await (await world(`/text?to=${to}`)).json()).text.match(/\d{6}/)[0]
/** idToken has the world's identity provider sign an ID token. */
export const idToken = async (claims) => (await world(`/id_token?claims=${encodeURIComponent(JSON.stringify(claims))}`)).text()

/** person gives somebody an account at the world's identity provider. */
export const person = async (email) => void (await fetch(`${WORLD}/person?email=${encodeURIComponent(email)}`, { method: 'POST' }))

/** follow goes where a browser goes, from an address until it leads to the app, and returns that address. */
export async function follow(start) {
  let url = start
  const cookies = new Map() // host → cookie
  for (let i = 0; i < 12; i++) {
    const { host } = new URL(url)
    if (url.startsWith(SITE)) return new URL(url)
    const answer = await (host.split(':')[0].endsWith('.localhost') ? byHost : fetch)(url, { redirect: 'manual', headers: cookies.has(host) ? { cookie: cookies.get(host) } : {} })
    const set = answer.headers.get('set-cookie')
    if (set) cookies.set(host, set.split(';')[0])
    const next = answer.headers.get('location')
    assert.ok(next, `${url} answered ${answer.status} and leads nowhere: ${(await answer.text()).slice(0, 300)}`)
    url = new URL(next, url).href
  }
  throw new Error(`too many redirects from ${start}`)
}
/** fragment reads what an implicit flow ends with. */
export const fragment = (url) => Object.fromEntries(new URLSearchParams(url.hash.slice(1)))

/** totp is the code of an authenticator app (RFC 6238) now, or some steps from now. */
export function totp(secret, step = 0) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step))
  const mac = crypto.createHmac('sha1', key).update(counter).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0')
}

/** signedUp makes a user by the admin API and signs them in. */
export async function signedUp(name = 'user') {
  const email = address(name)
  await good(admin().createUser({ email, password: 'correct horse battery', email_confirm: true }))
  const auth = user()
  const { user: who, session } = await good(auth.signInWithPassword({ email, password: 'correct horse battery' }))
  return { auth, email, who, session }
}
