// What holders of a secret key do.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { SITE, address, admin, bad, follow, fragment, good, mail, signedUp, totp, user, walk } from './auth_harness.mjs'
import { PUBLIC } from './auth_public.mjs'

export async function administer() {
  await walk('admin.createUser admin.getUserById admin.updateUserById admin.listUsers admin.deleteUser', async () => {
    const email = address('made')
    const { user: made } = await good(admin().createUser({ email, password: 'correct horse battery', email_confirm: true, user_metadata: { a: 1 }, app_metadata: { team: 'blue' } }))
    assert.equal(made.app_metadata.team, 'blue')
    await bad(admin().createUser({ email }), 'email_exists', 422)
    assert.equal((await good(admin().getUserById(made.id))).user.email, email)
    await bad(admin().getUserById(crypto.randomUUID()), 'user_not_found', 404)
    const auth = user()
    const { session } = await good(auth.signInWithPassword({ email, password: 'correct horse battery' }))
    await good(admin().updateUserById(made.id, { ban_duration: '1h' }))
    await bad(user().signInWithPassword({ email, password: 'correct horse battery' }), 'user_banned', 400)
    await bad(user().refreshSession({ refresh_token: session.refresh_token }), 'user_banned', 400)
    await good(admin().updateUserById(made.id, { ban_duration: 'none', user_metadata: { b: 2 } }))
    await good(user().signInWithPassword({ email, password: 'correct horse battery' }))
    const page = await good(admin().listUsers({ page: 1, perPage: 2 }))
    assert.equal(page.users.length, 2)
    assert.ok(page.total > 2, `total ${page.total}`)
    await good(admin().deleteUser(made.id))
    await bad(admin().getUserById(made.id), 'user_not_found', 404)
    await bad(PUBLIC().listUsers(), 'not_admin')
  })

  await walk('admin.inviteUserByEmail', async () => {
    const email = address('invited')
    const { user: who } = await good(admin().inviteUserByEmail(email, { data: { role: 'guest' }, redirectTo: `${SITE}/invited` }))
    assert.ok(who.invited_at)
    const landed = await follow((await mail(email)).link)
    assert.equal(landed.pathname, '/invited')
    assert.equal(fragment(landed).type, 'invite')
    await bad(admin().inviteUserByEmail(email), 'email_exists', 422)
  })

  await walk('admin.generateLink', async () => {
    const { email } = await signedUp('linked')
    for (const type of ['magiclink', 'recovery']) {
      const { properties } = await good(admin().generateLink({ type, email, options: { redirectTo: `${SITE}/${type}` } }))
      assert.equal(properties.verification_type, type)
      assert.equal((await follow(properties.action_link)).pathname, `/${type}`)
    }
    for (const type of ['signup', 'invite']) {
      const { properties, user: who } = await good(admin().generateLink({ type, email: address(type), password: 'correct horse battery' }))
      const { user: now } = await good(user().verifyOtp({ token_hash: properties.hashed_token, type }))
      assert.equal(now.id, who.id)
    }
    const next = address('next')
    for (const type of ['email_change_current', 'email_change_new'])
      assert.ok((await good(admin().generateLink({ type, email, newEmail: next }))).properties.email_otp)
  })

  await walk('admin.signOut', async () => {
    const { auth, session } = await signedUp('kicked')
    assert.equal((await admin().signOut(session.access_token, 'global')).error, null)
    await bad(user().refreshSession({ refresh_token: session.refresh_token }), 'refresh_token_not_found', 400)
    assert.ok((await auth.getUser()).error)
  })

  await walk('admin.mfa.listFactors admin.mfa.deleteFactor', async () => {
    const { auth, who } = await signedUp('factors')
    const factor = await good(auth.mfa.enroll({ factorType: 'totp' }))
    await good(auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret) }))
    const { factors } = await good(admin().mfa.listFactors({ userId: who.id }))
    assert.deepEqual(factors.map((f) => f.id), [factor.id])
    await good(admin().mfa.deleteFactor({ userId: who.id, id: factor.id }))
    assert.deepEqual((await good(admin().mfa.listFactors({ userId: who.id }))).factors, [])
  })

  await walk('admin.passkey.listPasskeys admin.passkey.deletePasskey', async () => {
    const { who } = await signedUp('keys')
    assert.deepEqual(await good(admin().passkey.listPasskeys({ userId: who.id })), [])
    assert.ok((await admin().passkey.deletePasskey({ userId: who.id, passkeyId: crypto.randomUUID() })).error)
  })

  await walk('admin.oauth.createClient admin.oauth.getClient admin.oauth.updateClient admin.oauth.listClients admin.oauth.regenerateClientSecret admin.oauth.deleteClient', async () => {
    const { oauth } = admin()
    const made = await good(oauth.createClient({ client_name: 'Desk', redirect_uris: ['https://desk.example.com/cb'] }))
    assert.ok(made.client_secret)
    const got = await good(oauth.getClient(made.client_id))
    assert.equal(got.client_secret ?? '', '')
    assert.equal((await good(oauth.updateClient(made.client_id, { client_name: 'Chair' }))).client_name, 'Chair')
    assert.ok((await good(oauth.listClients())).clients.some((c) => c.client_id === made.client_id))
    assert.notEqual((await good(oauth.regenerateClientSecret(made.client_id))).client_secret, made.client_secret)
    await good(oauth.deleteClient(made.client_id))
    assert.ok((await oauth.getClient(made.client_id)).error)
  })

  await walk('admin.customProviders.createProvider admin.customProviders.getProvider admin.customProviders.updateProvider admin.customProviders.listProviders admin.customProviders.deleteProvider', async () => {
    const { customProviders } = admin()
    const identifier = 'custom:walk'
    await good(customProviders.createProvider({ provider_type: 'oauth2', identifier, name: 'Walk', client_id: 'a', client_secret: 'b',
      authorization_url: 'https://id.example.com/authorize', token_url: 'https://id.example.com/token', userinfo_url: 'https://id.example.com/me' }))
    const got = await good(customProviders.getProvider(identifier))
    assert.equal(got.client_secret, undefined)
    assert.equal((await good(customProviders.updateProvider(identifier, { name: 'Run' }))).name, 'Run')
    assert.ok((await good(customProviders.listProviders())).providers.some((p) => p.identifier === identifier))
    await good(customProviders.deleteProvider(identifier))
    assert.ok((await customProviders.getProvider(identifier)).error)
  })
}
