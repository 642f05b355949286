// An authenticator in software, as the browser's navigator.credentials: ES256, attestation "none", user verified. It makes what WebAuthn Level 2 says,
// so that passkeys can be walked without a browser.
import crypto from 'node:crypto'

const b64 = (bytes) => Buffer.from(bytes).toString('base64url')
const bytes = (value) => (typeof value === 'string' ? Buffer.from(value, 'base64url') : Buffer.from(value.buffer ?? value))
const sha256 = (data) => crypto.createHash('sha256').update(data).digest()

/** cbor encodes the little that is needed: integers, byte and text strings, maps. */
function cbor(value) {
  const head = (major, n) => (n < 24 ? Buffer.from([(major << 5) | n]) : n < 256 ? Buffer.from([(major << 5) | 24, n]) : Buffer.from([(major << 5) | 25, n >> 8, n & 255]))
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Map) return Buffer.concat([head(5, value.size), ...[...value].flatMap(([k, v]) => [cbor(k), cbor(v)])])
  return Buffer.concat([head(2, value.length), value])
}

globalThis.PublicKeyCredential ??= class PublicKeyCredential {}

export class Authenticator {
  #origin
  #keys = new Map() // credential id → {key, rp, user}
  #count = 0

  constructor(origin) {
    this.#origin = origin
  }

  #client(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge: b64(bytes(challenge)), origin: this.#origin, crossOrigin: false }))
  }

  #data(rp, flags, more = Buffer.alloc(0)) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(++this.#count)
    return Buffer.concat([sha256(rp), Buffer.from([flags]), counter, more])
  }

  /** create registers: options are PublicKeyCredentialCreationOptions in JSON or in bytes. It answers as PublicKeyCredential.toJSON does. */
  create({ publicKey: o }) {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = publicKey.export({ format: 'jwk' })
    const id = crypto.randomBytes(32)
    this.#keys.set(b64(id), { privateKey, rp: o.rp.id, user: bytes(o.user.id) })
    const cose = cbor(new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, 'base64url')], [-3, Buffer.from(y, 'base64url')]]))
    const authData = this.#data(o.rp.id, 0x45, Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]))
    const attestation = cbor(new Map([['fmt', 'none'], ['attStmt', new Map()], ['authData', authData]]))
    return this.#credential(id, { clientDataJSON: b64(this.#client('webauthn.create', o.challenge)), attestationObject: b64(attestation), transports: ['internal'] })
  }

  /** get signs in: options are PublicKeyCredentialRequestOptions. */
  get({ publicKey: o }) {
    const allowed = o.allowCredentials?.map((c) => b64(bytes(c.id)))
    const [id, { privateKey, rp, user }] = [...this.#keys].find(([id, k]) => k.rp === o.rpId && (!allowed?.length || allowed.includes(id)))
    const data = this.#data(rp, 0x05)
    const client = this.#client('webauthn.get', o.challenge)
    const signature = crypto.sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)
    return this.#credential(Buffer.from(id, 'base64url'), {
      clientDataJSON: b64(client), authenticatorData: b64(data), signature: b64(signature), userHandle: b64(user),
    })
  }

  #credential(id, response) {
    const raw = Object.fromEntries(Object.entries(response).map(([k, v]) => [k, typeof v === 'string' && k !== 'transports' ? new Uint8Array(Buffer.from(v, 'base64url')).buffer : v]))
    const json = { id: b64(id), rawId: b64(id), type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response }
    return Object.assign(new globalThis.PublicKeyCredential(), {
      ...json, rawId: new Uint8Array(id).buffer, response: { ...raw, getTransports: () => ['internal'] },
      getClientExtensionResults: () => ({}), toJSON: () => json,
    })
  }

  /** install makes it the one of this process, which then looks like a browser to the client. */
  install() {
    const credentials = { create: async (o) => this.create(o), get: async (o) => this.get(o) }
    const { PublicKeyCredential } = globalThis
    Object.defineProperty(globalThis, 'navigator', { value: { credentials }, configurable: true })
    globalThis.window = { PublicKeyCredential, navigator: { credentials }, location: new URL(this.#origin), addEventListener() {}, removeEventListener() {} }
    globalThis.document = globalThis.document ?? { visibilityState: 'visible', addEventListener() {} }
    return () => { delete globalThis.window; delete globalThis.document }
  }
}
