// Signing up and in, by every method of the client that does.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { SITE, address, admin, bad, follow, fragment, good, idToken, mail, memory, number, person, signedUp, text, user, walk } from './auth_harness.mjs'

const password = 'correct horse battery'

export async function signIn() {
  await walk('signUp verifyOtp resend', async () => {
    const auth = user()
    const email = address('up')
    const made = await good(auth.signUp({ email, password, options: { data: { name: 'Ada' }, emailRedirectTo: `${SITE}/welcome` } }))
    assert.equal(made.session, null)
    assert.equal(made.user.identities.length, 1)
    await bad(auth.signInWithPassword({ email, password }), 'email_not_confirmed', 400)
    const first = await mail(email)
    // Each of the workers may let one through; nothing is sent then.
    let refused = null
    for (let i = 0; i < 4 && !refused; i++) refused = (await auth.resend({ type: 'signup', email })).error
    assert.equal(refused?.code, 'over_email_send_rate_limit')
    assert.equal(refused.status, 429)
    await bad(auth.verifyOtp({ email, token: '000000', type: 'email' }), 'otp_expired', 403)
    const { session } = await good(auth.verifyOtp({ email, token: first.code, type: 'email' }))
    assert.equal(session.user.user_metadata.name, 'Ada')
    await bad(auth.verifyOtp({ email, token: first.code, type: 'email' }), 'otp_expired', 403)
    const known = (await signedUp('known')).email
    const again = await good(user().signUp({ email: known, password }))
    assert.equal(again.session, null)
    assert.equal(again.user.identities.length, 1, 'a known address is told by nothing')

    const other = address('link')
    await good(user().signUp({ email: other, password, options: { emailRedirectTo: `${SITE}/welcome?a=1` } }))
    const landed = await follow((await mail(other)).link)
    assert.equal(landed.pathname + landed.search, '/welcome?a=1')
    assert.equal(fragment(landed).type, 'signup')
    const { user: who } = await good(user().getUser(fragment(landed).access_token))
    assert.equal(who.email, other)
  })

  await walk('exchangeCodeForSession', async () => {
    const storage = memory()
    const auth = user({ flowType: 'pkce', storage, persistSession: true })
    const email = address('pkce')
    await good(auth.signUp({ email, password, options: { emailRedirectTo: `${SITE}/cb` } }))
    const landed = await follow((await mail(email)).link)
    const code = landed.searchParams.get('code')
    assert.ok(code, landed.href)
    const { session } = await good(auth.exchangeCodeForSession(code))
    assert.equal(session.user.email, email)
    await bad(auth.exchangeCodeForSession(code)) // the verifier is gone too
  })

  await walk('signInWithPassword', async () => {
    const { auth, email } = await signedUp('password')
    await bad(auth.signInWithPassword({ email, password: 'wrong' }), 'invalid_credentials', 400)
    await bad(auth.signInWithPassword({ email: address('nobody'), password }), 'invalid_credentials', 400)
    const phone = number()
    await good(admin().createUser({ phone, password, phone_confirm: true }))
    const { user: who } = await good(user().signInWithPassword({ phone, password }))
    assert.equal(who.phone, phone)
    await bad(user().signUp({ email: address('weak'), password: '123' }), 'weak_password', 422)
  })

  await walk('signInWithOtp', async () => {
    const auth = user()
    const email = address('otp')
    await bad(auth.signInWithOtp({ email, options: { shouldCreateUser: false } }), 'otp_disabled', 422)
    await good(auth.signInWithOtp({ email, options: { data: { via: 'otp' }, emailRedirectTo: `${SITE}/in` } }))
    const sent = await mail(email)
    const { user: who } = await good(auth.verifyOtp({ email, token: sent.code, type: 'email' }))
    assert.equal(who.user_metadata.via, 'otp')
    const known = (await signedUp('magic')).email
    await good(user().signInWithOtp({ email: known, options: { emailRedirectTo: 'https://evil.example.com/' } }))
    const landed = await follow((await mail(known)).link)
    assert.equal(landed.origin, SITE, 'an address that is not allowed leads to the site')
    assert.equal(fragment(landed).type, 'magiclink')

    const phone = number()
    await good(auth.signInWithOtp({ phone }))
    const code = await text(phone)
    await bad(auth.verifyOtp({ phone, token: '000000', type: 'sms' }), 'otp_expired')
    const { session } = await good(auth.verifyOtp({ phone, token: code, type: 'sms' }))
    assert.equal(session.user.phone, phone)
  })

  await walk('signInAnonymously', async () => {
    const auth = user()
    const { user: who, session } = await good(auth.signInAnonymously({ options: { data: { theme: 'dark' } } }))
    assert.ok(who.is_anonymous)
    assert.equal(JSON.parse(atob(session.access_token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).is_anonymous, true)
    const email = address('converted')
    await good(auth.updateUser({ email }))
    const { user: now } = await good(auth.verifyOtp({ email, token: (await mail(email)).code, type: 'email_change' }))
    assert.equal(now.is_anonymous, false)
    assert.equal(now.id, who.id)
    assert.equal(now.user_metadata.theme, 'dark')
  })

  await walk('resetPasswordForEmail', async () => {
    const { email } = await signedUp('reset')
    const auth = user()
    await good(auth.resetPasswordForEmail(address('unknown'))) // says no more than for a known one
    await good(auth.resetPasswordForEmail(email, { redirectTo: `${SITE}/reset` }))
    const sent = await mail(email)
    const hash = new URL(sent.link).searchParams.get('token')
    const { session } = await good(auth.verifyOtp({ token_hash: hash, type: 'recovery' }))
    assert.ok(session)
    await good(auth.updateUser({ password: 'another horse battery' }))
    await bad(auth.updateUser({ password: 'another horse battery' }), 'same_password', 422)
    await good(user().signInWithPassword({ email, password: 'another horse battery' }))
  })

  await walk('signInWithOAuth linkIdentity getUserIdentities unlinkIdentity', async () => {
    const email = address('oauth')
    await person(email)
    const start = async (auth, options = {}) => (await good(auth.signInWithOAuth({ provider: 'custom:world', options: { redirectTo: `${SITE}/oauth`, queryParams: { login_hint: email }, ...options } }))).url
    const landed = await follow(await start(user()))
    const { user: who } = await good(user().getUser(fragment(landed).access_token))
    assert.equal(who.email, email)
    assert.ok(fragment(landed).provider_token)
    const auth = user({ flowType: 'pkce', storage: memory(), persistSession: true })
    const { session } = await good(auth.exchangeCodeForSession((await follow(await start(auth))).searchParams.get('code')))
    assert.equal(session.user.id, who.id)

    const { auth: mine } = await signedUp('linking')
    const other = address('second')
    await person(other)
    const { url } = await good(mine.linkIdentity({ provider: 'custom:world', options: { redirectTo: `${SITE}/linked`, skipBrowserRedirect: true, queryParams: { login_hint: other } } }))
    assert.equal((await follow(url)).pathname, '/linked')
    const { identities } = await good(mine.getUserIdentities())
    assert.deepEqual(identities.map((i) => i.provider).sort(), ['custom:world', 'email'])
    await good(mine.unlinkIdentity(identities.find((i) => i.provider !== 'email')))
    await bad(mine.unlinkIdentity(identities.find((i) => i.provider === 'email')), 'single_identity_not_deletable', 422)
  })

  await walk('signInWithIdToken', async () => {
    const nonce = crypto.randomUUID()
    const hashed = crypto.createHash('sha256').update(nonce).digest('hex')
    const email = address('idtoken')
    const token = await idToken({ sub: crypto.randomUUID(), email, email_verified: true, nonce: hashed })
    const { user: who } = await good(user().signInWithIdToken({ provider: 'custom:world', token, nonce }))
    assert.equal(who.email, email)
    const { error } = await user().signInWithIdToken({ provider: 'custom:world', token, nonce: 'another' })
    assert.ok(error, 'a wrong nonce is refused')
    assert.ok((await user().signInWithIdToken({ provider: 'custom:world', token: token.slice(0, -8) + 'AAAAAAAA', nonce })).error)
  })

  await walk('signInWithSSO', async () => {
    if (process.env.SSO_DOMAIN) {
      const { url } = await good(user().signInWithSSO({ domain: process.env.SSO_DOMAIN, options: { redirectTo: `${SITE}/sso` } }))
      assert.match(url, /SAMLRequest=/)
    }
    await bad(user().signInWithSSO({ domain: 'nobody.example.com' }), 'sso_provider_not_found', 404)
  })

  await walk('signInWithWeb3', async () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519')
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')
    const wallet = { publicKey: { toBase58: () => base58(raw) }, signMessage: async (m) => new Uint8Array(crypto.sign(null, m, privateKey)) }
    const options = { url: `${SITE}/` }
    const { user: who } = await good(user().signInWithWeb3({ chain: 'solana', wallet, statement: 'Sign in', options }))
    assert.equal(who.app_metadata.provider, 'web3')
    const again = await good(user().signInWithWeb3({ chain: 'solana', wallet, statement: 'Sign in again', options }))
    assert.equal(again.user.id, who.id)
    assert.ok((await user().signInWithWeb3({ chain: 'solana', wallet, statement: 'Sign in', options: { url: 'https://evil.example.com/' } })).error)
  })
}

function base58(data) {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  let n = BigInt('0x' + data.toString('hex'))
  let out = ''
  for (; n > 0n; n /= 58n) out = alphabet[Number(n % 58n)] + out
  for (const byte of data) if (byte === 0) out = '1' + out; else break
  return out
}
