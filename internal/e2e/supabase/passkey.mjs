// Passkeys and security keys with auth-js as it is published, in Chromium with a virtual authenticator: a page of the app on APP, and one on
// ELSEWHERE, an origin that the project does not know.
//
//   PROJECT_URL, PUBLISHABLE_KEY, APP, ELSEWHERE
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { chromium } = createRequire(new URL('../../../console/package.json', import.meta.url))('playwright-core')
const { PROJECT_URL, PUBLISHABLE_KEY, APP, ELSEWHERE } = process.env
const script = fileURLToPath(new URL('node_modules/@supabase/supabase-js/dist/umd/supabase.js', import.meta.url))
const system = '/usr/bin/chromium'

let failed = 0
async function check(name, run) {
  try {
    await run()
    console.log(`ok ${name}`)
  } catch (error) {
    failed++
    console.log(`FAILED ${name}: ${String(error?.message ?? error).replaceAll('\n', ' ')}`)
  }
}

const args = ['--disable-background-networking']
if (process.getuid?.() === 0) args.push('--no-sandbox') // Chromium's sandbox does not work for root
const browser = await chromium.launch({ args, executablePath: existsSync(system) ? system : undefined })

/** open opens a page with a client of the project, in the page's auth and device. */
async function open(context, address) {
  const page = await context.newPage()
  await page.goto(address)
  await page.addScriptTag({ path: script })
  await page.evaluate(([url, key]) => {
    globalThis.auth = supabase.createClient(url, key, { auth: { autoRefreshToken: false, experimental: { passkey: true } } }).auth
    globalThis.good = async (call) => {
      const { data, error } = await call
      if (error) throw new Error(`${error.code ?? error.name}: ${error.message}`)
      return data
    }
    globalThis.claims = async () => JSON.parse(atob((await good(auth.getSession())).session.access_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')))
  }, [PROJECT_URL, PUBLISHABLE_KEY])
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'usb', hasResidentKey: true,
    hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
  return { page, device, authenticatorId }
}

try {
  const context = await browser.newContext()
  const { page, device, authenticatorId } = await open(context, APP)
  const email = `ada-${Math.random().toString(36).slice(2)}@example.com`
  await check('a user signs up', () => page.evaluate((email) => good(auth.signUp({ email, password: 'correct horse battery' })), email))
  await check('registerPasskey', async () => {
    assert.match((await page.evaluate(() => good(auth.registerPasskey()))).id, /^[0-9a-f-]{36}$/)
    const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
    assert.equal(credentials.length, 1)
    assert.equal(credentials[0].isResidentCredential, true)
    assert.equal(credentials[0].rpId, 'localhost')
  })
  await check('the same authenticator is not registered twice', async () => {
    const code = await page.evaluate(async () => (await auth.registerPasskey()).error?.code)
    assert.equal(code, 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED')
  })
  await check('passkey.list and passkey.update', async () => {
    const names = await page.evaluate(async () => {
      const [one] = await good(auth.passkey.list())
      await good(auth.passkey.update({ passkeyId: one.id, friendlyName: 'Key ring' }))
      return (await good(auth.passkey.list())).map((p) => p.friendly_name)
    })
    assert.deepEqual(names, ['Key ring'])
  })
  await check('signInWithPasskey', async () => {
    const got = await page.evaluate(async () => {
      await good(auth.signOut())
      const { user } = await good(auth.signInWithPasskey())
      const { aal, amr } = await claims()
      return { email: user.email, aal, methods: amr.map((m) => m.method) }
    })
    assert.deepEqual(got, { email, aal: 'aal1', methods: ['passkey'] })
  })
  await check('an authenticator that does not verify its user is refused', async () => {
    await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    const error = await page.evaluate(async () => (await auth.signInWithPasskey()).error?.name)
    await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
    assert.equal(error, 'NotAllowedError')
  })
  await check('mfa.webauthn.register raises the session', async () => {
    const got = await page.evaluate(async () => {
      await good(auth.mfa.webauthn.register({ friendlyName: 'Key' }))
      const { aal, amr } = await claims()
      return { aal, methods: amr.map((m) => m.method), factors: (await good(auth.mfa.listFactors())).webauthn.map((f) => f.friendly_name) }
    })
    assert.deepEqual(got, { aal: 'aal2', methods: ['mfa/webauthn', 'passkey'], factors: ['Key'] })
  })
  await check('mfa.webauthn.authenticate raises the next session', async () => {
    const got = await page.evaluate(async () => {
      await good(auth.signOut())
      await good(auth.signInWithPasskey())
      const before = await good(auth.mfa.getAuthenticatorAssuranceLevel())
      const refused = (await auth.passkey.delete({ passkeyId: (await good(auth.passkey.list()))[0].id })).error?.code
      const [factor] = (await good(auth.mfa.listFactors())).webauthn
      await good(auth.mfa.webauthn.authenticate({ factorId: factor.id }))
      const after = await good(auth.mfa.getAuthenticatorAssuranceLevel())
      return { before: [before.currentLevel, before.nextLevel], refused, after: [after.currentLevel, after.nextLevel] }
    })
    assert.deepEqual(got, { before: ['aal1', 'aal2'], refused: 'insufficient_aal', after: ['aal2', 'aal2'] })
  })
  await check('the QR code of an authenticator app is a picture', async () => {
    const wide = await page.evaluate(async () => {
      const { id, totp } = await good(auth.mfa.enroll({ factorType: 'totp', friendlyName: 'App' }))
      const image = new Image()
      image.src = totp.qr_code
      await image.decode()
      await good(auth.mfa.unenroll({ factorId: id }))
      return image.naturalWidth
    })
    assert.ok(wide >= 150, `${wide} pixels wide`)
  })
  await check('another origin is refused with the same authenticator', async () => {
    const other = await open(context, ELSEWHERE)
    const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
    for (const credential of credentials) await other.device.send('WebAuthn.addCredential', { authenticatorId: other.authenticatorId, credential: { ...credential, signCount: credential.signCount + 10 } })
    const code = await other.page.evaluate(async () => (await auth.signInWithPasskey()).error?.code)
    assert.equal(code, 'webauthn_verification_failed')
    await other.page.close()
  })
  await check('a copy of the authenticator is found out', async () => {
    const copy = await open(context, APP)
    const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
    const resident = credentials.find((c) => c.isResidentCredential)
    await copy.device.send('WebAuthn.addCredential', { authenticatorId: copy.authenticatorId, credential: { ...resident, signCount: 0 } })
    const code = await copy.page.evaluate(async () => (await auth.signInWithPasskey()).error?.code)
    assert.equal(code, 'webauthn_verification_failed')
    await copy.page.close()
  })
  await check('passkey.delete, and what is deleted signs nobody in', async () => {
    const got = await page.evaluate(async () => {
      await good(auth.passkey.delete({ passkeyId: (await good(auth.passkey.list()))[0].id }))
      const left = await good(auth.passkey.list())
      return { left, code: (await auth.signInWithPasskey()).error?.code }
    })
    assert.deepEqual(got, { left: [], code: 'webauthn_credential_not_found' })
  })
} finally {
  await browser.close()
}
process.exit(failed ? 1 : 0)
