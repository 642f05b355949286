// Walks the methods of buckets.
import assert from 'node:assert/strict'
import { admin, anon, bad, bucket, good, mark, step, text, user } from './storage_harness.mjs'

export async function buckets() {
  const ada = await user('bucket-ada')
  const eve = await user('bucket-eve')
  await step('createBucket', 'with all options', async () => {
    assert.deepEqual(await good(admin.createBucket(`all-${mark}`, { public: true, fileSizeLimit: '1MB', allowedMimeTypes: ['image/*', 'text/plain'] })), { name: `all-${mark}` })
    const got = await good(admin.getBucket(`all-${mark}`))
    assert.equal(got.id, `all-${mark}`)
    assert.equal(got.name, `all-${mark}`)
    assert.equal(got.public, true)
    assert.equal(got.file_size_limit, 1_000_000)
    assert.deepEqual(got.allowed_mime_types, ['image/*', 'text/plain'])
    assert.ok(Date.parse(got.created_at) && Date.parse(got.updated_at))
    assert.equal(typeof got.owner, 'string')
  })
  await step('createBucket', 'with the standard type', () => good(admin.createBucket(`typed-${mark}`, { public: false, type: 'STANDARD' })))
  await step('createBucket', 'names with spaces and signs', async () => {
    const id = `Some (good) name! ${mark} & more.v1`
    await good(admin.createBucket(id))
    assert.equal((await good(admin.getBucket(id))).public, false)
    await good(admin.from(id).upload('a.txt', 'a'))
    assert.equal(await text(admin.from(id).download('a.txt')), 'a')
    await good(admin.emptyBucket(id))
    await good(admin.deleteBucket(id))
  })
  await step('createBucket', 'refuses a name that is taken', () => bad(admin.createBucket(`all-${mark}`), 409, /already exists/))
  for (const [why, id] of Object.entries({ 'no name': '', 'a slash': 'a/b', 'a parent': '..', 'a backslash': 'a\\b', 'another script': 'фото', 'a line break': 'a\nb', '101 characters': 'a'.repeat(101), 'spaces around': ' a ' }))
    await step('createBucket', `refuses a name with ${why}`, () => bad(admin.createBucket(id), 400))
  await step('createBucket', 'refuses types that are none', () => bad(admin.createBucket(`bad-${mark}`, { public: false, allowedMimeTypes: ['thing'] }), 415))
  await step('createBucket', 'refuses a size that is none', () => bad(admin.createBucket(`bad-${mark}`, { public: false, fileSizeLimit: 'large' }), 400))
  await step('createBucket', "refuses a size beyond the project's", () => bad(admin.createBucket(`bad-${mark}`, { public: false, fileSizeLimit: '1GB' }), 413))
  await step('createBucket', 'is denied to anon and to users', async () => {
    await bad(anon.createBucket(`theirs-${mark}-x`), 403, /row-level security/)
    await bad(ada.storage.createBucket(`mine-${mark}`), 403, /row-level security/)
    await bad(admin.getBucket(`mine-${mark}`), 404)
  })
  await step('createBucket', 'by a policy is the caller’s own', async () => {
    const id = `theirs-${mark}`
    await good(ada.storage.createBucket(id))
    assert.equal((await good(ada.storage.getBucket(id))).owner, ada.id)
    await good(ada.storage.from(id).upload('a.txt', 'a'))
    await good(ada.storage.updateBucket(id, { public: true }))
    await bad(eve.storage.updateBucket(id, { public: false }), 404)
    await bad(eve.storage.deleteBucket(id), 404)
    assert.equal((await good(admin.getBucket(id))).public, true)
    await good(ada.storage.emptyBucket(id))
    await good(ada.storage.deleteBucket(id))
  })

  const hidden = await bucket('hidden')
  const seen = await bucket('seen')
  await step('listBuckets', 'shows what policies show', async () => {
    const all = (await good(admin.listBuckets())).map((b) => b.id)
    assert.ok(all.includes(hidden) && all.includes(seen))
    const theirs = (await good(ada.storage.listBuckets())).map((b) => b.id)
    assert.ok(!theirs.includes(hidden) && theirs.includes(seen))
    assert.deepEqual(await good(anon.listBuckets()), [])
  })
  await step('listBuckets', 'searches, sorts and pages', async () => {
    for (const name of ['b', 'c', 'a']) await good(admin.createBucket(`page-${mark}-${name}`))
    const names = async (options) => (await good(admin.listBuckets({ search: `page-${mark}`, ...options }))).map((b) => b.name.at(-1)).join('')
    assert.equal(await names({}), 'abc')
    assert.equal(await names({ sortColumn: 'created_at' }), 'bca')
    assert.equal(await names({ sortColumn: 'name', sortOrder: 'desc' }), 'cba')
    assert.equal(await names({ sortColumn: 'name', limit: 1, offset: 1 }), 'b')
    assert.equal(await names({ sortColumn: 'name', offset: 3 }), '')
    assert.deepEqual(await good(admin.listBuckets({ search: `%${mark}` })), [])
  })
  await step('listBuckets', 'refuses columns that are none', () => bad(admin.listBuckets({ sortColumn: 'owner; select 1' }), 400))
  await step('listBuckets', 'refuses who has no key', async () => {
    const { error } = await anon.setHeader.call({ ...anon, __proto__: Object.getPrototypeOf(anon) }, 'apikey', 'nobody').listBuckets()
    assert.equal(error.statusCode, '401')
  })

  await step('getBucket', 'does not show what is hidden', async () => {
    await bad(ada.storage.getBucket(hidden), 404, /Bucket not found/)
    await bad(anon.getBucket(seen), 404, /Bucket not found/)
    await bad(admin.getBucket('nothing'), 404, /Bucket not found/)
    assert.equal((await good(ada.storage.getBucket(seen))).id, seen)
  })

  await step('updateBucket', 'changes what is named', async () => {
    assert.deepEqual(await good(admin.updateBucket(seen, { public: true, fileSizeLimit: 5, allowedMimeTypes: ['text/*'] })), { message: 'Successfully updated' })
    let got = await good(admin.getBucket(seen))
    assert.deepEqual([got.public, got.file_size_limit, got.allowed_mime_types], [true, 5, ['text/*']])
    await bad(admin.from(seen).upload('a.txt', '123456'), 413)
    await good(admin.updateBucket(seen, { public: true }))
    assert.equal((await good(admin.getBucket(seen))).file_size_limit, 5, 'what is not named stays')
    await good(admin.updateBucket(seen, { public: false, fileSizeLimit: null, allowedMimeTypes: null }))
    got = await good(admin.getBucket(seen))
    assert.deepEqual([got.public, got.file_size_limit, got.allowed_mime_types], [false, null, null])
  })
  await step('updateBucket', 'refuses what is wrong, missing or denied', async () => {
    await bad(admin.updateBucket('nothing', { public: true }), 404)
    await bad(ada.storage.updateBucket(seen, { public: true }), 404)
    await bad(admin.updateBucket(seen, { public: true, fileSizeLimit: '1GB' }), 413)
    await bad(admin.updateBucket(seen, { public: true, allowedMimeTypes: ['*'] }), 415)
    assert.equal((await good(admin.getBucket(seen))).public, false)
  })

  await step('emptyBucket', 'removes all files and keeps the bucket', async () => {
    for (const name of ['a.txt', 'b/c.txt', 'b/d/e.txt']) await good(admin.from(seen).upload(name, name))
    const { message } = await good(admin.emptyBucket(seen))
    assert.match(message, /empt/i)
    assert.deepEqual(await good(admin.from(seen).list()), [])
    await bad(admin.from(seen).download('a.txt'), 404)
    await good(admin.emptyBucket(seen))
  })
  await step('emptyBucket', 'is denied where policies deny it', async () => {
    await good(admin.from(seen).upload('stays.txt', 'stays'))
    await ada.storage.emptyBucket(seen) // what the caller does not see is not there
    await bad(ada.storage.emptyBucket(hidden), 404)
    await bad(anon.emptyBucket(seen), 404)
    await bad(admin.emptyBucket('nothing'), 404)
    assert.equal(await text(admin.from(seen).download('stays.txt')), 'stays')
  })
  await step('deleteBucket', 'refuses one that is not empty, missing or denied', async () => {
    await bad(admin.deleteBucket(seen), 409, /not empty/i)
    await bad(ada.storage.deleteBucket(seen), 404)
    await bad(anon.deleteBucket(seen), 404)
    await bad(admin.deleteBucket('nothing'), 404)
  })
  await step('deleteBucket', 'deletes it', async () => {
    await good(admin.emptyBucket(seen))
    assert.deepEqual(await good(admin.deleteBucket(seen)), { message: 'Successfully deleted' })
    await bad(admin.getBucket(seen), 404)
    await bad(admin.from(seen).upload('a.txt', 'a'), 404)
  })
  await step('purgeBucketCache', 'is for the secret key', async () => {
    assert.ok((await good(admin.purgeBucketCache(hidden))).message)
    assert.ok((await good(admin.purgeBucketCache(hidden, { transformations: true }))).message)
    await bad(ada.storage.purgeBucketCache(hidden), 403)
    await bad(anon.purgeBucketCache(hidden), 403)
  })
}
