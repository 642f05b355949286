// Walks what uploads files: upload and update.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { admin, anon, answered, bad, BASE, bucket, bytes, good, random, step, text, user } from './storage_harness.mjs'

export async function uploads() {
  const own = await bucket('own')
  const inbox = await bucket('inbox')
  const ada = await user('upload-ada')
  const eve = await user('upload-eve')
  const mine = ada.storage.from(own)
  const path = (name) => `${ada.id}/${name}`
  const info = (name) => good(mine.info(path(name)))

  await step('from().upload', 'a string', async () => {
    const got = await good(mine.upload(path('a.txt'), 'Grüße', { contentType: 'text/plain;charset=UTF-8', cacheControl: '60' }))
    assert.equal(got.path, path('a.txt'))
    assert.equal(got.fullPath, `${own}/${path('a.txt')}`)
    assert.match(got.id, /^[0-9a-f-]{36}$/)
    assert.equal(await text(mine.download(path('a.txt'))), 'Grüße')
    const seen = await info('a.txt')
    assert.equal(seen.id, got.id)
    assert.equal(seen.size, 7)
    assert.equal(seen.contentType, 'text/plain;charset=UTF-8')
    assert.equal(seen.cacheControl, 'max-age=60')
  })
  const content = random(100_000)
  for (const [name, body, options] of [
    ['a Buffer', content],
    ['an ArrayBuffer', content.buffer.slice(content.byteOffset, content.byteOffset + content.length)],
    ['a typed array', new Uint8Array(content)],
    ['a stream of the web', new Blob([content]).stream()],
    ['a stream of Node', Readable.from([content.subarray(0, 7), content.subarray(7)]), { duplex: 'half' }],
  ])
    await step('from().upload', name, async () => {
      const to = path(`${name}.bin`)
      await good(mine.upload(to, body, { contentType: 'application/octet-stream', ...options }))
      assert.deepEqual(await bytes(mine.download(to)), content)
      assert.equal((await info(`${name}.bin`)).size, content.length)
    })
  await step('from().upload', 'a Blob, as a form', async () => {
    await good(mine.upload(path('blob.png'), new Blob([content], { type: 'image/png' }), { cacheControl: '120', metadata: { from: 'a blob', n: 1 } }))
    const seen = await info('blob.png')
    assert.equal(seen.contentType, 'image/png')
    assert.equal(seen.cacheControl, 'max-age=120')
    assert.deepEqual(seen.metadata, { from: 'a blob', n: 1 })
    assert.deepEqual(await bytes(mine.download(path('blob.png'))), content)
  })
  await step('from().upload', 'a File, as a form', async () => {
    await good(mine.upload(path('file.md'), new File(['# Hi'], 'другое имя.md', { type: 'text/markdown' })))
    assert.equal((await info('file.md')).contentType, 'text/markdown')
    assert.equal(await text(mine.download(path('file.md'))), '# Hi')
  })
  await step('from().upload', 'a form of one’s own', async () => {
    const form = new FormData() // the client adds what is missing behind the file, where Supabase Storage does not look for it either
    form.append('metadata', JSON.stringify({ own: true }))
    form.append('cacheControl', '5')
    form.append('file', new Blob(['form'], { type: 'text/csv' }), 'x.csv')
    await good(mine.upload(path('form.csv'), form, { cacheControl: '6', metadata: { own: false } }))
    const seen = await info('form.csv')
    assert.deepEqual([seen.contentType, seen.cacheControl, seen.metadata], ['text/csv', 'max-age=5', { own: true }])
  })
  await step('from().upload', 'URLSearchParams', async () => {
    await good(mine.upload(path('query.txt'), new URLSearchParams({ a: '1', b: 'ü' }), { contentType: 'application/x-www-form-urlencoded' }))
    assert.equal(await text(mine.download(path('query.txt'))), 'a=1&b=%C3%BC')
  })
  await step('from().upload', 'nothing at all', async () => {
    await good(mine.upload(path('empty.bin'), Buffer.alloc(0)))
    assert.equal((await bytes(mine.download(path('empty.bin')))).length, 0)
    assert.equal((await info('empty.bin')).size, 0)
  })
  await step('from().upload', 'user metadata in any script', async () => {
    await good(mine.upload(path('meta.txt'), 'x', { metadata: { title: '日本語 😀', nested: { a: [1, null] } } }))
    assert.deepEqual((await info('meta.txt')).metadata, { title: '日本語 😀', nested: { a: [1, null] } })
  })
  await step('from().upload', 'names in any script', async () => {
    for (const name of ['тест/日本語.txt', 'ملف/קובץ.txt', '😀 a+b&c=d;e,f@g$h!(i)\'j~k.txt', 'é/é.txt', 'x'.repeat(500) + '/' + 'y'.repeat(400), '...', '.hidden/..twice'])
      await good(mine.upload(path(name), name)).then(async (got) => {
        assert.equal(got.path, path(name))
        assert.equal(await text(mine.download(path(name))), name)
        assert.equal((await info(name)).name, path(name))
      })
  })
  await step('from().upload', 'headers of one’s own', async () => {
    await good(mine.upload(path('headers.txt'), 'a', { headers: { 'X-Upsert': 'true', 'cache-control': 'no-store' } }))
    await good(mine.upload(path('headers.txt'), 'b', { headers: { 'X-Upsert': 'true' } }))
    assert.equal(await text(mine.download(path('headers.txt'))), 'b')
  })
  await step('from().upload', 'refuses a name that is taken, unless told to replace', async () => {
    const before = await info('a.txt')
    await bad(mine.upload(path('a.txt'), 'other'), 409, /already exists/)
    assert.equal(await text(mine.download(path('a.txt'))), 'Grüße')
    const { id } = await good(mine.upload(path('a.txt'), 'other', { upsert: true }))
    assert.equal(id, before.id)
    assert.equal(await text(mine.download(path('a.txt'))), 'other')
    assert.notEqual((await info('a.txt')).version, before.version)
  })
  for (const [why, name] of [
    ['an encoded parent', 'a%2F..%2Fb'], ['two slashes', 'a%2F%2Fb'], ['a slash at the end', 'a%2F'], ['a backslash', 'a%5Cb'], ['a zero', 'a%00b'],
    ['a line break', 'a%0Ab'], ['a mark that turns text around', 'a%E2%80%AEb'], ['no UTF-8', 'a%FFb'], ['more than 1,024 bytes', 'x'.repeat(1025)],
  ])
    await step('from().upload', `refuses a name with ${why}`, async () => {
      const { error } = await admin.from(own).upload(name, 'x')
      assert.ok(['400', '404'].includes(error?.statusCode), error?.message) // the gateway has its own word for paths that climb
    })
  await step('from().upload', 'is denied in folders of others', async () => {
    await bad(eve.storage.from(own).upload(path('eve.txt'), 'x'), 403, /row-level security/)
    await bad(anon.from(own).upload(path('anon.txt'), 'x'), 403, /row-level security/)
    await bad(eve.storage.from(own).upload(path('a.txt'), 'x', { upsert: true }), 403, /row-level security/)
    await bad(eve.storage.from(own).upload('shared/eve.txt', 'x'), 403, /row-level security/)
    assert.equal(await text(mine.download(path('a.txt'))), 'other')
    await bad(admin.from(own).info(path('eve.txt')), 404)
  })
  await step('from().upload', 'by who may not read', async () => {
    await good(anon.from(inbox).upload('letter.txt', 'hello'))
    await bad(anon.from(inbox).upload('letter.txt', 'again'), 409)
    await bad(anon.from(inbox).upload('letter.txt', 'again', { upsert: true }), 403)
    await bad(anon.from(inbox).download('letter.txt'), 404)
    assert.equal(await text(admin.from(inbox).download('letter.txt')), 'hello')
  })
  await step('from().upload', 'refuses a bucket that is not there', () => bad(admin.from('nothing').upload('a.txt', 'x'), 404, /Bucket not found/))
  const narrow = await bucket('narrow', { public: false, fileSizeLimit: 1000, allowedMimeTypes: ['image/*', 'text/plain'] })
  await step('from().upload', 'keeps to the bucket’s size', async () => {
    await good(admin.from(narrow).upload('fits.txt', Buffer.alloc(1000), { contentType: 'text/plain' }))
    await bad(admin.from(narrow).upload('large.txt', Buffer.alloc(1001), { contentType: 'text/plain' }), 413, /exceeded the maximum allowed size/)
    await bad(admin.from(narrow).upload('stream.txt', new Blob([Buffer.alloc(1001)]).stream(), { contentType: 'text/plain' }), 413)
    await bad(admin.from(narrow).upload('form.txt', new Blob([Buffer.alloc(1001)], { type: 'text/plain' })), 413)
    assert.deepEqual((await good(admin.from(narrow).list())).map((o) => o.name), ['fits.txt'])
  })
  await step('from().upload', 'keeps to the bucket’s types', async () => {
    await good(admin.from(narrow).upload('a.webp', 'x', { contentType: 'image/webp' }))
    await bad(admin.from(narrow).upload('a.html', 'x', { contentType: 'text/html' }), 415, /text\/html is not supported/)
    await bad(admin.from(narrow).upload('b.html', new Blob(['x'], { type: 'text/html' })), 415)
    await bad(admin.from(narrow).upload('c.txt', 'x', { contentType: 'text/plainer' }), 415)
    await bad(admin.from(narrow).upload('d.txt', 'x', { contentType: 'image' }), 415)
  })
  await step('from().upload', 'keeps to the project’s size', () => bad(admin.from(own).upload('large.bin', Buffer.alloc(Number(process.env.MOST) + 1)), 413))
  await step('from().upload', 'refuses metadata that is none', async () => {
    const headers = { apikey: process.env.SECRET_KEY, 'content-type': 'text/plain' }
    for (const metadata of ['[1]', '{', '"x"', '{"a":"\\u0000"}'])
      await answered(`${BASE}/object/${own}/metadata.txt`, 400, { method: 'POST', body: 'x', headers: { ...headers, 'x-metadata': Buffer.from(metadata).toString('base64') } })
    await bad(admin.from(own).info('metadata.txt'), 404)
  })

  await step('from().update', 'replaces a file', async () => {
    const before = await info('a.txt')
    const got = await good(mine.update(path('a.txt'), 'new', { contentType: 'text/markdown', cacheControl: '1', metadata: { second: true } }))
    assert.deepEqual([got.path, got.fullPath, got.id], [path('a.txt'), `${own}/${path('a.txt')}`, before.id])
    assert.equal(await text(mine.download(path('a.txt'))), 'new')
    const after = await info('a.txt')
    assert.deepEqual([after.contentType, after.cacheControl, after.metadata], ['text/markdown', 'max-age=1', { second: true }])
    assert.notEqual(after.etag, before.etag)
    assert.ok(Date.parse(after.lastModified) >= Date.parse(before.lastModified))
  })
  await step('from().update', 'as a form', async () => {
    await good(mine.update(path('a.txt'), new Blob(['form'], { type: 'text/csv' })))
    assert.equal((await info('a.txt')).contentType, 'text/csv')
    assert.equal(await text(mine.download(path('a.txt'))), 'form')
  })
  await step('from().update', 'is denied to others, and needs a bucket', async () => {
    await good(admin.from(own).upload('shared/b.txt', 'shared'))
    await bad(eve.storage.from(own).update(path('a.txt'), 'x'), 403)
    await bad(anon.from(own).update(path('a.txt'), 'x'), 403)
    await bad(eve.storage.from(own).update('shared/b.txt', 'x'), 403)
    await bad(admin.from('nothing').update('a.txt', 'x'), 404)
    await bad(admin.from(narrow).update('fits.txt', Buffer.alloc(1001), { contentType: 'text/plain' }), 413)
    await bad(admin.from(narrow).update('fits.txt', 'x', { contentType: 'text/html' }), 415)
    assert.equal(await text(mine.download(path('a.txt'))), 'form')
    assert.equal(await text(admin.from(own).download('shared/b.txt')), 'shared')
  })
  await step('from().upload from().update', 'many writers leave one whole file', async () => {
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(50_000))
    const answers = await Promise.all(contents.map((c, i) => (i % 2 ? mine.update(path('a.txt'), c) : mine.upload(path('a.txt'), c, { upsert: true }))))
    for (const { error } of answers) assert.equal(error, null, error?.message)
    assert.ok(contents.includes(await text(mine.download(path('a.txt')))))
  })
}
