// Reads and writes a project with supabase-js as its users' apps do, as anon and as signed-in users. It prints one line
// per check, as harness.mjs says. The schema is schema.sql.
import assert from 'node:assert/strict'
import { check, client, data, finish, mark } from './harness.mjs'

const { PUBLISHABLE_KEY, SECRET_KEY, ANON_KEY, SERVICE_ROLE_KEY } = process.env
const anon = client(PUBLISHABLE_KEY)
const ada = client(PUBLISHABLE_KEY)
const eve = client(PUBLISHABLE_KEY)
const admin = client(SECRET_KEY)
const address = (name) => `${name}.${mark}@example.com`
const password = 'correct horse battery'

// Signing up and in.
await check('signUp gives a session', async () => {
  const { user, session } = await data(ada.auth.signUp({ email: address('ada'), password, options: { data: { name: 'Ada' } } }))
  assert.equal(user.email, address('ada'))
  assert.equal(user.user_metadata.name, 'Ada')
  assert.equal(user.app_metadata.provider, 'email')
  assert.equal(user.identities.length, 1)
  assert.equal(session.token_type, 'bearer')
  assert.ok(session.refresh_token)
})
await check('signUp refuses an address that is taken', async () => {
  const { error } = await anon.auth.signUp({ email: address('ada'), password })
  assert.equal(error.code, 'user_already_exists')
  assert.equal(error.status, 422)
})
await check('signUp refuses a weak password', async () => {
  const { error } = await anon.auth.signUp({ email: address('weak'), password: '123' })
  assert.equal(error.name, 'AuthWeakPasswordError')
  assert.deepEqual(error.reasons, ['length'])
})
await check('signInWithPassword refuses a wrong password', async () => {
  const { error } = await anon.auth.signInWithPassword({ email: address('ada'), password: 'wrong' })
  assert.equal(error.code, 'invalid_credentials')
})
await check('signInWithPassword signs in', async () => {
  await data(eve.auth.signUp({ email: address('eve'), password }))
  await data(eve.auth.signOut())
  const { session } = await data(eve.auth.signInWithPassword({ email: address('eve'), password }))
  assert.ok(session.access_token)
})
await check('getUser asks the server', async () => {
  const { user } = await data(ada.auth.getUser())
  assert.equal(user.email, address('ada'))
})
await check('getClaims verifies with the published keys', async () => {
  const { claims, header } = await data(ada.auth.getClaims())
  assert.equal(header.alg, 'ES256')
  assert.equal(claims.role, 'authenticated')
  assert.equal(claims.email, address('ada'))
})
await check('refreshSession rotates the tokens', async () => {
  const before = (await data(ada.auth.getSession())).session
  const { session } = await data(ada.auth.refreshSession())
  assert.notEqual(session.refresh_token, before.refresh_token)
  assert.equal((await data(ada.auth.getUser())).user.email, address('ada'))
})
await check('updateUser changes metadata', async () => {
  const { user } = await data(ada.auth.updateUser({ data: { name: 'Ada L.' } }))
  assert.equal(user.user_metadata.name, 'Ada L.')
})

// Rows.
await check('anon cannot insert', async () => {
  const { error, status } = await anon.from('notes').insert({ title: 'x' })
  assert.equal(error.code, '42501')
  assert.equal(status, 401)
})
let first
await check('insert returns the row', async () => {
  first = await data(ada.from('notes').insert({ title: 'first', slug: `first-${mark}` }).select().single())
  assert.equal(first.title, 'first')
  assert.equal(first.owner, (await data(ada.auth.getUser())).user.id)
})
await check('insert of several rows', async () => {
  const rows = await data(ada.from('notes').insert([{ title: 'second', stars: 2, public: false }, { title: 'third', stars: 3, public: true }]).select('title,stars'))
  assert.deepEqual(rows, [{ title: 'second', stars: 2 }, { title: 'third', stars: 3 }])
})
await check('insert without select returns nothing', async () => {
  const { data: rows, error, status } = await ada.from('notes').insert({ title: 'fourth', stars: 4 })
  assert.deepEqual([rows, error, status], [null, null, 201])
})
await check('select filters, orders and pages', async () => {
  const mine = (columns) => ada.from('notes').select(columns).eq('owner', first.owner)
  const rows = await data(mine('title, stars').gte('stars', 2).neq('title', 'x').order('stars', { ascending: false }).range(0, 1))
  assert.deepEqual(rows, [{ title: 'fourth', stars: 4 }, { title: 'third', stars: 3 }])
  assert.equal((await data(mine().in('title', ['first', 'second']))).length, 2)
  assert.equal((await data(mine().ilike('title', 'F%'))).length, 2)
  assert.equal((await data(mine().is('slug', null).limit(2))).length, 2)
  assert.equal((await data(mine().like('title', '%ir%'))).length, 2)
  assert.equal((await data(mine().lt('stars', 1))).length, 1)
})
await check('count=exact', async () => {
  const { count, error, data: rows } = await ada.from('notes').select('*', { count: 'exact', head: true }).eq('owner', first.owner)
  assert.deepEqual([error, count, rows], [null, 4, null])
  const page = await ada.from('notes').select('id', { count: 'exact' }).eq('owner', first.owner).limit(1)
  assert.deepEqual([page.error, page.count, page.data.length], [null, 4, 1])
})
await check('single and maybeSingle', async () => {
  assert.equal((await data(ada.from('notes').select().eq('title', 'first').single())).id, first.id)
  assert.equal(await data(ada.from('notes').select().eq('title', 'nothing').maybeSingle()), null)
  const { error } = await ada.from('notes').select().single()
  assert.equal(error.code, 'PGRST116')
})
await check('update', async () => {
  const row = await data(ada.from('notes').update({ stars: 5 }).eq('id', first.id).select().single())
  assert.equal(row.stars, 5)
})
await check('upsert', async () => {
  const row = await data(ada.from('notes').upsert({ slug: `first-${mark}`, title: 'first again' }, { onConflict: 'slug' }).select().single())
  assert.equal(row.id, first.id)
  assert.equal(row.title, 'first again')
})
await check('delete', async () => {
  const rows = await data(ada.from('notes').delete().eq('title', 'second').select('title'))
  assert.deepEqual(rows, [{ title: 'second' }])
})
await check('errors name the SQLSTATE', async () => {
  const { error } = await ada.from('notes').insert({ title: 'again', slug: `first-${mark}` })
  assert.equal(error.code, '23505')
  assert.equal((await ada.from('notes').select('nothing')).error.code, '42703')
  assert.equal((await ada.from('nothing').select()).error.code, 'PGRST205')
})

// Row-level security.
await check('anon reads public rows only', async () => {
  assert.deepEqual(await data(anon.from('notes').select('title').eq('owner', first.owner)), [{ title: 'third' }])
})
await check('another user reads public rows only', async () => {
  assert.deepEqual(await data(eve.from('notes').select('title').eq('owner', first.owner)), [{ title: 'third' }])
})
await check('another user changes nothing', async () => {
  assert.deepEqual(await data(eve.from('notes').update({ title: 'mine' }).eq('id', first.id).select()), [])
  assert.deepEqual(await data(eve.from('notes').delete().eq('id', first.id).select()), [])
})
await check('another user cannot insert for someone else', async () => {
  const { error, status } = await eve.from('notes').insert({ title: 'x', owner: first.owner })
  assert.deepEqual([error.code, status], ['42501', 403])
})
await check('the secret key bypasses row-level security', async () => {
  assert.equal((await data(admin.from('notes').select().eq('owner', first.owner))).length, 3)
})
await check('the JWTs anon and service_role work too', async () => {
  assert.deepEqual(await data(client(ANON_KEY).from('notes').select('title').eq('owner', first.owner)), [{ title: 'third' }])
  assert.equal((await data(client(SERVICE_ROLE_KEY).from('notes').select().eq('owner', first.owner))).length, 3)
})

// Functions.
await check('rpc', async () => {
  assert.equal(await data(anon.rpc('add', { a: 2, b: 3 })), 5)
  assert.equal(await data(anon.rpc('add', { a: 2, b: 3 }, { get: true })), 5)
  assert.equal((await data(ada.rpc('my_notes').select('title').order('title'))).length, 3)
})
await check('functions see who calls', async () => {
  const me = await data(ada.rpc('whoami'))
  assert.deepEqual(me, { uid: first.owner, role: 'authenticated', email: address('ada') })
  assert.deepEqual(await data(anon.rpc('whoami')), { uid: null, role: 'anon', email: null })
})

// Leaving.
await check('signOut ends the session', async () => {
  const { session } = await data(ada.auth.getSession())
  const { error } = await ada.auth.signOut()
  assert.equal(error, null)
  const gone = await anon.auth.getUser(session.access_token)
  assert.equal(gone.error.name, 'AuthSessionMissingError')
  const stale = await client(PUBLISHABLE_KEY).auth.refreshSession({ refresh_token: session.refresh_token })
  assert.equal(stale.error.code, 'refresh_token_not_found')
  assert.deepEqual(await data(ada.from('notes').select('title').eq('owner', first.owner)), [{ title: 'third' }])
})
await check('a new password replaces the old one', async () => {
  await data(eve.auth.updateUser({ password: 'another good one' }))
  assert.equal((await anon.auth.signInWithPassword({ email: address('eve'), password })).error.code, 'invalid_credentials')
  await data(eve.auth.signInWithPassword({ email: address('eve'), password: 'another good one' }))
})

finish()
