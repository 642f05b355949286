// Sessions, the user, second factors, passkeys and the apps that a user signs in to.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { Authenticator } from './authenticator.mjs'
import { SITE, address, admin, bad, follow, good, mail, request, signedUp, totp, user, walk } from './auth_harness.mjs'

export async function session() {
  await walk('getSession getUser getClaims setSession refreshSession', async () => {
    const { auth, email, session } = await signedUp('session')
    assert.equal((await good(auth.getSession())).session.access_token, session.access_token)
    assert.equal((await good(auth.getUser())).user.email, email)
    const { claims, header } = await good(auth.getClaims())
    assert.equal(claims.email, email)
    assert.equal(header.alg, 'ES256')
    const next = await good(auth.refreshSession())
    assert.notEqual(next.session.refresh_token, session.refresh_token)
    const other = user()
    await good(other.setSession(next.session))
    assert.equal((await good(other.getUser())).user.email, email)
    await bad(user().refreshSession({ refresh_token: 'nothing' }), 'refresh_token_not_found', 400)
    await bad(user().getUser('a.b.c'), 'bad_jwt', 403)
    await bad(user().getUser(session.access_token.slice(0, -4) + 'AAAA'), 'bad_jwt', 403)
  })

  await walk('signOut onAuthStateChange', async () => {
    const { auth, email, session } = await signedUp('out')
    const events = []
    const { data } = auth.onAuthStateChange((event) => void events.push(event))
    const elsewhere = user()
    await good(elsewhere.signInWithPassword({ email, password: 'correct horse battery' }))
    assert.equal((await auth.signOut({ scope: 'others' })).error, null)
    await gone(elsewhere)
    await good(auth.getUser())
    assert.equal((await auth.signOut()).error, null)
    data.subscription.unsubscribe()
    assert.ok(events.includes('SIGNED_OUT'), String(events))
    await bad(user().refreshSession({ refresh_token: session.refresh_token }), 'refresh_token_not_found', 400)
  })

  await walk('updateUser reauthenticate', async () => {
    const { auth, email } = await signedUp('update')
    assert.equal((await good(auth.updateUser({ data: { name: 'Grace', gone: null } }))).user.user_metadata.name, 'Grace')
    await good(auth.reauthenticate())
    assert.ok((await mail(email)).code)
    const next = address('changed')
    assert.equal((await good(auth.updateUser({ email: next }))).user.new_email, next)
    const [old, fresh] = [await mail(email), await mail(next)]
    await good(auth.verifyOtp({ email, token: old.code, type: 'email_change' }))
    const { user: now } = await good(auth.verifyOtp({ email: next, token: fresh.code, type: 'email_change' }))
    assert.equal(now.email, next)
    await bad(auth.updateUser({ password: '1' }), 'weak_password', 422)
    await bad(auth.updateUser({ email: 'no address' }), 'validation_failed', 400)
  })

  await walk('initialize startAutoRefresh stopAutoRefresh isThrowOnErrorEnabled dispose', async () => {
    const { auth } = await signedUp('refresh')
    assert.equal((await auth.initialize()).error, null)
    await auth.startAutoRefresh()
    await auth.stopAutoRefresh()
    assert.ok(!auth.isThrowOnErrorEnabled())
    await auth.dispose()
  })

  await walk('mfa.enroll mfa.challenge mfa.verify mfa.challengeAndVerify mfa.listFactors mfa.getAuthenticatorAssuranceLevel mfa.unenroll', async () => {
    const { auth } = await signedUp('mfa')
    const factor = await good(auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' }))
    assert.match(factor.totp.qr_code, /^data:image\/svg\+xml/)
    assert.match(factor.totp.uri, /^otpauth:\/\/totp\//)
    await bad(auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' }), 'mfa_factor_name_conflict', 422)
    const challenge = await good(auth.mfa.challenge({ factorId: factor.id }))
    await bad(auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code: '000000' }), 'mfa_verification_failed', 422)
    await good(auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code: totp(factor.totp.secret) }))
    assert.deepEqual(pick(await good(auth.mfa.getAuthenticatorAssuranceLevel())), ['aal2', 'aal2'])
    assert.equal((await good(auth.mfa.listFactors())).totp.length, 1)
    const second = await good(auth.mfa.enroll({ factorType: 'totp', friendlyName: 'tablet' }))
    await good(auth.mfa.challengeAndVerify({ factorId: second.id, code: totp(second.totp.secret) }))
    await good(auth.mfa.unenroll({ factorId: second.id }))
    await bad(auth.mfa.unenroll({ factorId: factor.id }), 'insufficient_aal') // the factor that had raised the session is gone
    await good(auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret, 1) }))
    await good(auth.mfa.unenroll({ factorId: factor.id }))
    await good(auth.refreshSession())
    assert.deepEqual(pick(await good(auth.mfa.getAuthenticatorAssuranceLevel())), ['aal1', 'aal1'])
  })

  await walk('oauth.getAuthorizationDetails oauth.approveAuthorization oauth.denyAuthorization oauth.listGrants oauth.revokeGrant', async () => {
    const { auth } = await signedUp('apps')
    const redirect = 'https://app.example.com/callback'
    const app = await good(admin().oauth.createClient({ client_name: 'App', redirect_uris: [redirect] }))
    const begin = async () => {
      const query = new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, response_type: 'code', state: 'xyz', scope: 'openid email',
        code_challenge: crypto.createHash('sha256').update('v'.repeat(43)).digest('base64url'), code_challenge_method: 'S256' })
      return (await follow(`${process.env.PROJECT_URL}/auth/v1/oauth/authorize?${query}`)).searchParams.get('authorization_id')
    }
    const first = await begin()
    const details = await good(auth.oauth.getAuthorizationDetails(first))
    assert.equal(details.client.name ?? details.client.client_name, 'App')
    const denied = await good(auth.oauth.denyAuthorization(first, { skipBrowserRedirect: true }))
    assert.match(denied.redirect_url, /error=access_denied/)
    const second = await begin()
    await good(auth.oauth.getAuthorizationDetails(second))
    const { redirect_url } = await good(auth.oauth.approveAuthorization(second, { skipBrowserRedirect: true }))
    const back = new URL(redirect_url)
    assert.equal(back.searchParams.get('state'), 'xyz')
    const answer = await request(`${process.env.PROJECT_URL}/auth/v1/oauth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: 'Basic ' + btoa(`${app.client_id}:${app.client_secret}`) },
      body: new URLSearchParams({ grant_type: 'authorization_code', code: back.searchParams.get('code'), redirect_uri: redirect, code_verifier: 'v'.repeat(43) }),
    })
    assert.equal(answer.status, 200, await answer.clone().text())
    assert.ok((await answer.json()).id_token)
    assert.equal((await good(auth.oauth.listGrants())).length, 1)
    await good(auth.oauth.revokeGrant({ clientId: app.client_id }))
    assert.equal((await good(auth.oauth.listGrants())).length, 0)
  })
}

/** devices makes this process look like a browser for a while: nothing else may run. */
export async function devices() {
  await walk('registerPasskey signInWithPasskey passkey.startRegistration passkey.verifyRegistration passkey.startAuthentication passkey.verifyAuthentication passkey.list passkey.update passkey.delete', async () => {
    const { auth, who } = await signedUp('passkey')
    const device = new Authenticator(SITE)
    const { challenge_id: challengeId, options } = await good(auth.passkey.startRegistration())
    await good(auth.passkey.verifyRegistration({ challengeId, credential: device.create({ publicKey: options }).toJSON() }))
    const asked = await good(user().passkey.startAuthentication())
    const verified = await good(user().passkey.verifyAuthentication({ challengeId: asked.challenge_id, credential: device.get({ publicKey: asked.options }).toJSON() }))
    assert.equal(verified.user.id, who.id)
    const uninstall = device.install()
    try {
      await good(auth.registerPasskey())
      assert.equal((await good(user().signInWithPasskey())).user.id, who.id)
    } finally {
      uninstall()
    }
    const [one, two] = await good(auth.passkey.list())
    await good(auth.passkey.update({ passkeyId: one.id, friendlyName: 'Key ring' }))
    await good(auth.passkey.delete({ passkeyId: two.id }))
    assert.deepEqual((await good(auth.passkey.list())).map((p) => p.friendly_name), ['Key ring'])
    await good(admin().passkey.listPasskeys({ userId: who.id }))
  })

  await walk('mfa.webauthn.enroll mfa.webauthn.challenge mfa.webauthn.verify mfa.webauthn.authenticate mfa.webauthn.register', async () => {
    const { auth } = await signedUp('key')
    const device = new Authenticator(SITE)
    const uninstall = device.install()
    try {
      const registered = await good(auth.mfa.webauthn.register({ friendlyName: 'Key', webauthn: { rpId: 'localhost', rpOrigins: [SITE] } }))
      assert.ok(registered)
      const { all } = await good(auth.mfa.listFactors())
      await good(auth.mfa.webauthn.authenticate({ factorId: all[0].id, webauthn: { rpId: 'localhost', rpOrigins: [SITE] } }))
      assert.equal(pick(await good(auth.mfa.getAuthenticatorAssuranceLevel()))[0], 'aal2')
    } finally {
      uninstall()
    }
  })
}

/** gone requires a client's access token to be refused within two seconds. */
async function gone(auth) {
  const end = Date.now() + 2000
  let error
  do error = (await auth.getUser()).error
  while (!error && Date.now() < end)
  assert.ok(error, 'its access token goes on after two seconds')
}

const pick = ({ currentLevel, nextLevel }) => [currentLevel, nextLevel]
