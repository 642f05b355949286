// Walks what changes files without bytes: move, copy, remove, purgeCache.
import assert from 'node:assert/strict'
import { admin, anon, bad, bucket, good, step, text, user } from './storage_harness.mjs'

export async function changes() {
  const own = await bucket('own')
  const other = await bucket('own')
  const narrow = await bucket('narrow', { public: false, fileSizeLimit: 3, allowedMimeTypes: ['text/plain'] })
  const ada = await user('change-ada')
  const eve = await user('change-eve')
  const mine = ada.storage.from(own)
  const path = (name) => `${ada.id}/${name}`
  const put = (name, content = name, options = {}) => good(mine.upload(path(name), content, { contentType: 'text/plain', ...options }))
  await good(admin.from(own).upload('shared/s.txt', 'shared', { contentType: 'text/plain' }))

  await step('from().copy', 'has the bytes and what was said of them', async () => {
    await put('copy.txt', 'original', { cacheControl: '77', metadata: { a: 1 } })
    assert.deepEqual(await good(mine.copy(path('copy.txt'), path('copies/日本.txt'))), { path: `${own}/${path('copies/日本.txt')}` })
    assert.equal(await text(mine.download(path('copies/日本.txt'))), 'original')
    const [from, to] = [await good(mine.info(path('copy.txt'))), await good(mine.info(path('copies/日本.txt')))]
    assert.deepEqual([to.contentType, to.cacheControl, to.metadata, to.etag, to.size], [from.contentType, 'max-age=77', { a: 1 }, from.etag, 8])
    assert.notEqual(to.id, from.id)
  })
  await step('from().copy', 'is another file', async () => {
    await good(mine.update(path('copy.txt'), 'changed'))
    assert.equal(await text(mine.download(path('copies/日本.txt'))), 'original')
    await good(mine.remove([path('copy.txt')]))
    assert.equal(await text(mine.download(path('copies/日本.txt'))), 'original')
  })
  await step('from().copy', 'into another bucket', async () => {
    assert.deepEqual(await good(mine.copy(path('copies/日本.txt'), path('b.txt'), { destinationBucket: other })), { path: `${other}/${path('b.txt')}` })
    assert.equal(await text(ada.storage.from(other).download(path('b.txt'))), 'original')
  })
  await step('from().copy', 'refuses what is missing, taken, not allowed or no name', async () => {
    await put('taken.txt')
    await bad(mine.copy(path('nothing.txt'), path('x.txt')), 404, /Object not found/)
    await bad(mine.copy(path('copies/日本.txt'), path('taken.txt')), 409, /already exists/)
    await bad(mine.copy(path('taken.txt'), path('x.txt'), { destinationBucket: 'nothing' }), 404)
    await bad(mine.copy(path('taken.txt'), path('../x.txt')), 400, /Invalid key/)
    await bad(mine.copy('../' + path('taken.txt'), path('x.txt')), 400, /Invalid key/)
    await bad(admin.from(own).copy(path('taken.txt'), 'taken.txt', { destinationBucket: narrow }), 413)
    await good(admin.from(own).upload('a.png', 'png', { contentType: 'image/png' }))
    await bad(admin.from(own).copy('a.png', 'a.png', { destinationBucket: narrow }), 415)
    assert.equal(await text(mine.download(path('taken.txt'))), 'taken.txt')
  })
  await step('from().copy', 'needs to read the one and to write the other', async () => {
    await good(mine.copy('shared/s.txt', path('of-shared.txt')))
    await bad(mine.copy(path('taken.txt'), 'shared/taken.txt'), 403, /row-level security/)
    await bad(eve.storage.from(own).copy(path('taken.txt'), `${eve.id}/stolen.txt`), 404)
    await bad(eve.storage.from(own).copy('shared/s.txt', path('planted.txt')), 403)
    await bad(anon.from(own).copy(path('taken.txt'), 'stolen.txt'), 404)
  })

  await step('from().move', 'renames', async () => {
    await put('move.txt', 'moves', { metadata: { b: 2 } })
    const before = await good(mine.info(path('move.txt')))
    assert.equal((await good(mine.move(path('move.txt'), path('moved/ملف.txt')))).message, 'Successfully moved')
    const after = await good(mine.info(path('moved/ملف.txt')))
    assert.deepEqual([after.id, after.metadata, after.etag], [before.id, { b: 2 }, before.etag])
    assert.equal(await text(mine.download(path('moved/ملف.txt'))), 'moves')
    await bad(mine.download(path('move.txt')), 404)
  })
  await step('from().move', 'into another bucket', async () => {
    await good(mine.move(path('moved/ملف.txt'), path('c.txt'), { destinationBucket: other }))
    assert.equal(await text(ada.storage.from(other).download(path('c.txt'))), 'moves')
  })
  await step('from().move', 'refuses what is missing, taken, not allowed or no name', async () => {
    await put('here.txt')
    await bad(mine.move(path('nothing.txt'), path('x.txt')), 404)
    await bad(mine.move(path('here.txt'), path('taken.txt')), 409)
    await bad(mine.move(path('here.txt'), path('x.txt'), { destinationBucket: 'nothing' }), 404)
    await bad(mine.move(path('here.txt'), path('a/./b')), 400, /Invalid key/)
    await bad(mine.move(path('here.txt'), path('a\u0000b')), 400, /Invalid key/)
    await bad(admin.from(own).move(path('here.txt'), 'x.txt', { destinationBucket: narrow }), 413)
    assert.equal(await text(mine.download(path('here.txt'))), 'here.txt')
  })
  await step('from().move', 'is denied where policies deny it', async () => {
    await bad(mine.move('shared/s.txt', path('stolen.txt')), 403)
    await bad(mine.move(path('here.txt'), 'shared/here.txt'), 403)
    await bad(eve.storage.from(own).move(path('here.txt'), `${eve.id}/stolen.txt`), 404)
    await bad(anon.from(own).move(path('here.txt'), 'stolen.txt'), 404)
    assert.equal(await text(mine.download('shared/s.txt')), 'shared')
    assert.equal(await text(mine.download(path('here.txt'))), 'here.txt')
  })

  await step('from().remove', 'removes many and tells which', async () => {
    for (const name of ['r1.txt', 'r/r2.txt', 'r/r3.txt']) await put(name)
    const gone = await good(mine.remove([path('r1.txt'), path('r/r3.txt'), path('nothing.txt')]))
    assert.deepEqual(gone.map((o) => o.name).sort(), [path('r/r3.txt'), path('r1.txt')])
    assert.ok(gone.every((o) => o.bucket_id === own && o.id && o.metadata.size && o.owner_id === ada.id))
    await bad(mine.download(path('r1.txt')), 404)
    assert.equal(await text(mine.download(path('r/r2.txt'))), 'r/r2.txt')
    assert.deepEqual(await good(mine.remove([path('r1.txt')])), [])
  })
  await step('from().remove', 'leaves what the caller may not remove', async () => {
    assert.deepEqual(await good(eve.storage.from(own).remove([path('r/r2.txt'), 'shared/s.txt'])), [])
    assert.deepEqual(await good(anon.from(own).remove([path('r/r2.txt')])), [])
    assert.deepEqual((await good(mine.remove(['shared/s.txt', path('r/r2.txt')]))).map((o) => o.name), [path('r/r2.txt')])
    assert.equal(await text(mine.download('shared/s.txt')), 'shared')
  })
  await step('from().remove', 'refuses names that are none, and more than 1,000', async () => {
    await bad(mine.remove([path('../x')]), 400)
    await bad(admin.from(own).remove(Array.from({ length: 1001 }, (_, i) => `f${i}`)), 400)
  })
  await step('from().remove', 'frees the name', async () => {
    await put('again.txt', 'one')
    await good(mine.remove([path('again.txt')]))
    await put('again.txt', 'two')
    assert.equal(await text(mine.download(path('again.txt'))), 'two')
  })

  await step('from().purgeCache', 'is for the secret key', async () => {
    assert.ok((await good(admin.from(own).purgeCache(path('here.txt')))).message)
    assert.ok((await good(admin.from(own).purgeCache(path('here.txt'), { transformations: true }))).message)
    await bad(mine.purgeCache(path('here.txt')), 403)
    await bad(anon.from(own).purgeCache(path('here.txt')), 403)
  })
}
