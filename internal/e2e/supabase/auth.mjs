// Walks every public method of auth-js' GoTrueClient and of its admin client, as they are published: one line each.
import { administer } from './auth_admin.mjs'
import { admin, good, report, user } from './auth_harness.mjs'
import { devices, session } from './auth_session.mjs'
import { signIn } from './auth_sign_in.mjs'

const world = await admin().customProviders.getProvider('custom:world')
if (world.error) await good(admin().customProviders.createProvider({ provider_type: 'oidc', identifier: 'custom:world', name: 'World', client_id: process.env.OIDC_CLIENT, client_secret: process.env.OIDC_SECRET,
  issuer: process.env.OIDC_ISSUER, scopes: ['openid', 'email', 'profile'] }))
await Promise.all([signIn(), session(), administer()])
await devices()

const auth = user()
const { admin: theirs } = auth
report({
  '': auth, 'mfa.': auth.mfa, 'mfa.webauthn.': auth.mfa.webauthn, 'passkey.': auth.passkey, 'oauth.': auth.oauth,
  'admin.': theirs, 'admin.mfa.': theirs.mfa, 'admin.oauth.': theirs.oauth, 'admin.customProviders.': theirs.customProviders, 'admin.passkey.': theirs.passkey,
})
