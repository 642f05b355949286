// Walks what reads files: download and its builders, info, exists, getPublicUrl, list, listV2.
import assert from 'node:assert/strict'
import { admin, anon, answered, bad, BASE, bucket, bytes, good, png, random, request, step, text, user } from './storage_harness.mjs'

const { PUBLISHABLE_KEY } = process.env

export async function reads() {
  const own = await bucket('own')
  const open = await bucket('open', { public: true })
  const ada = await user('read-ada')
  const eve = await user('read-eve')
  const mine = ada.storage.from(own)
  const path = (name) => `${ada.id}/${name}`
  const content = random(300_000)
  await good(mine.upload(path('a.bin'), content, { contentType: 'application/octet-stream', cacheControl: '3600', metadata: { k: 'v' } }))
  await good(mine.upload(path('p.png'), png(40, 20), { contentType: 'image/png' }))
  await good(admin.from(open).upload('f/o.txt', 'open', { contentType: 'text/plain', cacheControl: '60' }))
  await good(admin.from(open).upload('p.png', png(40, 20), { contentType: 'image/png' }))

  await step('from().download download().then', 'gives a Blob', async () => {
    const blob = await good(mine.download(path('a.bin')))
    assert.equal(blob.size, content.length)
    assert.equal(blob.type, 'application/octet-stream')
    assert.deepEqual(Buffer.from(await blob.arrayBuffer()), content)
  })
  await step('download().asStream asStream().then', 'gives a stream', async () => {
    const { data: stream, error } = await mine.download(path('a.bin')).asStream()
    assert.equal(error, null)
    const pieces = []
    for await (const piece of stream) pieces.push(piece)
    assert.deepEqual(Buffer.concat(pieces), content)
  })
  await step('download().catch download().finally', 'is a promise', async () => {
    let finished = 0
    assert.equal((await mine.download(path('a.bin')).finally(() => finished++)).error, null)
    assert.equal(finished, 1)
    assert.match((await mine.download(path('nothing')).catch(() => null)).error.message, /Object not found/)
    assert.match(await admin.from(own).throwOnError().download('nothing').catch((error) => error.message), /Object not found/)
  })
  await step('asStream().catch asStream().finally', 'is a promise', async () => {
    let finished = 0
    await (await mine.download(path('a.bin')).asStream().finally(() => finished++)).data.cancel()
    assert.equal(finished, 1)
    assert.equal((await mine.download(path('nothing')).asStream().catch(() => null)).error.statusCode, '404')
    assert.match(await admin.from(own).throwOnError().download('nothing').asStream().catch((error) => error.message), /Object not found/)
  })
  await step('from().download', 'can be broken off', async () => {
    const stop = new AbortController()
    stop.abort()
    const got = await mine.download(path('a.bin'), {}, { signal: stop.signal }).catch((error) => ({ error }))
    assert.ok(got.error)
  })
  await step('from().download', 'with a nonce for caches', async () => assert.deepEqual(await bytes(mine.download(path('a.bin'), { cacheNonce: 'n1' })), content))
  await step('from().download', 'hides what policies hide', async () => {
    await bad(eve.storage.from(own).download(path('a.bin')), 404, /Object not found/)
    await bad(anon.from(own).download(path('a.bin')), 404, /Object not found/)
    await bad(mine.download(path('nothing')), 404, /Object not found/)
    await bad(admin.from('nothing').download('a'), 404)
    await bad(mine.download('a%00b'), 400)
  })
  await step('from().download', 'an image made of another', async () => {
    const blob = await good(mine.download(path('p.png'), { transform: { width: 10, height: 10, resize: 'cover', quality: 50, format: 'origin' } }))
    const made = Buffer.from(await blob.arrayBuffer())
    assert.equal(blob.type, 'image/png')
    assert.deepEqual([made.readUInt32BE(16), made.readUInt32BE(20)], [10, 10])
    await bad(eve.storage.from(own).download(path('p.png'), { transform: { width: 10 } }), 404)
    await bad(mine.download(path('p.png'), { transform: { width: 10, quality: 5 } }), 400)
    await bad(mine.download(path('p.png'), { transform: { width: 10, resize: 'tile' } }), 400)
    await bad(mine.download(path('a.bin'), { transform: { width: 10 } }), 400)
  })
  await step('from().download', 'ranges and conditions', async () => {
    const url = `${BASE}/object/authenticated/${own}/${path('a.bin')}`
    const headers = { apikey: PUBLISHABLE_KEY, authorization: `Bearer ${ada.token}` }
    const part = await answered(url, 206, { headers: { ...headers, range: 'bytes=10-19' } })
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(10, 20))
    assert.equal(part.headers.get('content-range'), `bytes 10-19/${content.length}`)
    const end = await answered(url, 206, { headers: { ...headers, range: 'bytes=-5' } })
    assert.deepEqual(Buffer.from(await end.arrayBuffer()), content.subarray(-5))
    await answered(url, 416, { headers: { ...headers, range: `bytes=${content.length}-` } })
    const etag = part.headers.get('etag')
    await answered(url, 304, { headers: { ...headers, 'if-none-match': etag } })
    await answered(url, 412, { headers: { ...headers, 'if-match': '"other"' } })
    const whole = await answered(url, 200, { headers: { ...headers, range: 'bytes=0-1', 'if-range': '"other"' } })
    assert.equal((await whole.arrayBuffer()).byteLength, content.length)
    const head = await answered(url, 200, { method: 'HEAD', headers })
    assert.equal(head.headers.get('content-length'), String(content.length))
    assert.match(head.headers.get('cache-control'), /private/)
  })

  await step('from().info', 'tells all', async () => {
    const got = await good(mine.info(path('a.bin')))
    assert.deepEqual(
      { name: got.name, bucketId: got.bucketId, size: got.size, contentType: got.contentType, cacheControl: got.cacheControl, metadata: got.metadata },
      { name: path('a.bin'), bucketId: own, size: content.length, contentType: 'application/octet-stream', cacheControl: 'max-age=3600', metadata: { k: 'v' } })
    assert.match(got.etag, /^"[0-9a-f]{32}"$/)
    assert.ok(got.id && got.version && Date.parse(got.createdAt) && Date.parse(got.lastModified))
  })
  await step('from().info', 'hides what policies hide', async () => {
    await bad(eve.storage.from(own).info(path('a.bin')), 404)
    await bad(anon.from(own).info(path('a.bin')), 404)
    await bad(mine.info(path('nothing')), 404)
    await bad(mine.info('a%00b'), 400)
  })
  await step('from().exists', 'tells whether', async () => {
    assert.equal(await good(mine.exists(path('a.bin'))), true)
    for (const [from, name] of [[mine, path('nothing')], [eve.storage.from(own), path('a.bin')], [anon.from(own), path('a.bin')], [admin.from('nothing'), 'a']]) {
      const { data, error } = await from.exists(name)
      assert.equal(data, false)
      assert.ok(error)
    }
  })

  await step('from().getPublicUrl', 'is read by anyone', async () => {
    const { data: { publicUrl } } = anon.from(open).getPublicUrl('f/o.txt')
    const got = await answered(publicUrl, 200)
    assert.equal(await got.text(), 'open')
    assert.equal(got.headers.get('cache-control'), 'max-age=60')
    assert.match(got.headers.get('content-type'), /^text\/plain/)
    assert.equal(got.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(await (await answered(anon.from(open).getPublicUrl('f/o.txt', { cacheNonce: 'x' }).data.publicUrl, 200)).text(), 'open')
  })
  await step('from().getPublicUrl', 'as a download', async () => {
    const named = await answered(anon.from(open).getPublicUrl('f/o.txt', { download: 'Grüße "1".txt' }).data.publicUrl, 200)
    assert.match(named.headers.get('content-disposition'), /^attachment; filename="[ -~]*"; filename\*=UTF-8''Gr%C3%BC%C3%9Fe/)
    const plain = await request(anon.from(open).getPublicUrl('f/o.txt', { download: true }).data.publicUrl)
    assert.ok([200].includes(plain.status))
  })
  await step('from().getPublicUrl', 'of an image made of another', async () => {
    const got = await answered(anon.from(open).getPublicUrl('p.png', { transform: { width: 8, height: 4, resize: 'fill', format: 'origin' } }).data.publicUrl, 200)
    const made = Buffer.from(await got.arrayBuffer())
    assert.deepEqual([made.readUInt32BE(16), made.readUInt32BE(20)], [8, 4])
    const webp = await answered(anon.from(open).getPublicUrl('p.png', { transform: { width: 8 } }).data.publicUrl, 200, { headers: { accept: 'image/webp' } })
    assert.equal(webp.headers.get('content-type'), 'image/webp')
  })
  await step('from().getPublicUrl', 'opens no bucket that is not public', async () => {
    await answered(anon.from(own).getPublicUrl(path('a.bin')).data.publicUrl, 400)
    await answered(anon.from(own).getPublicUrl(path('p.png'), { transform: { width: 5 } }).data.publicUrl, 400)
    await answered(anon.from('nothing').getPublicUrl('a').data.publicUrl, 400)
    await answered(anon.from(open).getPublicUrl('nothing').data.publicUrl, 400)
  })
  await step('from().getPublicUrl', 'closes with its bucket', async () => {
    const url = anon.from(open).getPublicUrl('f/o.txt').data.publicUrl
    await good(admin.updateBucket(open, { public: false }))
    await answered(url, 400)
    await good(admin.updateBucket(open, { public: true }))
    await answered(url, 200)
  })

  const names = ['a.txt', 'b/1.txt', 'b/2.txt', 'b/c/3.txt', 'B.txt', 'ä.txt', 'z.txt']
  const at = (name) => path(`list/${name}`)
  for (const name of names) await good(mine.upload(at(name), name, { contentType: 'text/plain' }))
  const here = path('list')
  const listed = async (options, folder = here) => (await good(mine.list(folder, options))).map((o) => o.name)
  await step('from().list', 'shows files and folders', async () => {
    const got = await good(mine.list(here))
    assert.deepEqual(got.map((o) => o.name).sort(), ['B.txt', 'a.txt', 'b', 'z.txt', 'ä.txt'])
    const file = got.find((o) => o.name === 'a.txt')
    assert.equal(file.metadata.size, 5)
    assert.equal(file.metadata.mimetype, 'text/plain')
    assert.match(file.metadata.eTag, /^"/)
    assert.ok(file.id && file.created_at && file.updated_at && file.last_accessed_at)
    const folder = got.find((o) => o.name === 'b')
    assert.deepEqual([folder.id, folder.metadata, folder.created_at], [null, null, null])
    assert.deepEqual(await listed({}, `${here}/b`), ['1.txt', '2.txt', 'c'])
    assert.deepEqual(await listed({}, `${here}/b/`), ['1.txt', '2.txt', 'c'])
  })
  await step('from().list', 'sorts and pages', async () => {
    assert.deepEqual(await listed({ sortBy: { column: 'name', order: 'desc' }, limit: 2 }, `${here}/b`), ['c', '2.txt'])
    assert.deepEqual(await listed({ limit: 1, offset: 1 }, `${here}/b`), ['2.txt'])
    assert.deepEqual((await listed({ sortBy: { column: 'created_at', order: 'asc' } })).filter((n) => n !== 'b'), ['a.txt', 'B.txt', 'ä.txt', 'z.txt'])
    assert.deepEqual((await listed({ sortBy: { column: 'updated_at', order: 'desc' } })).filter((n) => n !== 'b'), ['z.txt', 'ä.txt', 'B.txt', 'a.txt'])
    assert.deepEqual(await listed({ offset: 100 }), [])
  })
  await step('from().list', 'searches', async () => {
    assert.deepEqual(await listed({ search: 'A' }), ['a.txt'])
    assert.deepEqual(await listed({ search: '%' }), [])
  })
  await step('from().list', 'refuses what is wrong', async () => {
    await bad(mine.list(here, { limit: 0 }), 400)
    await bad(mine.list(here, { limit: 10_000_000 }), 400)
    await bad(mine.list(here, { offset: -1 }), 400)
    await bad(mine.list(here, { sortBy: { column: 'owner; select 1' } }), 400)
    await bad(mine.list(here, { sortBy: { order: 'sideways' } }), 400)
    await bad(mine.list('a/../b'), 400)
  })
  await step('from().list', 'hides what policies hide', async () => {
    assert.deepEqual(await good(eve.storage.from(own).list(here)), [])
    assert.deepEqual(await good(eve.storage.from(own).list('')), [])
    assert.deepEqual(await good(anon.from(own).list()), [])
    assert.deepEqual((await good(mine.list(''))).map((o) => o.name), [ada.id])
    assert.deepEqual(await good(admin.from('nothing').list()), [])
  })
  await step('from().listV2', 'pages by a cursor', async () => {
    const all = []
    for (let cursor, first = true; first || cursor; first = false) {
      const got = await good(mine.listV2({ prefix: `${here}/`, limit: 3, ...(cursor && { cursor }) }))
      all.push(...got.objects.map((o) => o.name.slice(here.length + 1)))
      assert.equal(got.hasNext, Boolean(got.nextCursor))
      cursor = got.nextCursor
    }
    assert.deepEqual(all, [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })
  await step('from().listV2', 'by folders', async () => {
    const got = await good(mine.listV2({ prefix: `${here}/`, with_delimiter: true }))
    assert.deepEqual(got.folders.map((f) => f.name), [`${here}/b/`])
    assert.deepEqual(got.objects.map((o) => o.name), ['B.txt', 'a.txt', 'z.txt', 'ä.txt'].map(at))
    assert.ok(got.objects.every((o) => o.id && o.metadata && o.updated_at && o.created_at))
    assert.equal(got.hasNext, false)
  })
  await step('from().listV2', 'sorts', async () => {
    const by = async (column, order) => (await good(mine.listV2({ prefix: `${here}/b/`, sortBy: { column, order } }))).objects.map((o) => o.name.split('/').at(-1))
    assert.deepEqual(await by('name', 'desc'), ['3.txt', '2.txt', '1.txt'])
    assert.deepEqual(await by('created_at', 'asc'), ['1.txt', '2.txt', '3.txt'])
    assert.deepEqual(await by('updated_at', 'desc'), ['3.txt', '2.txt', '1.txt'])
  })
  await step('from().listV2', 'refuses what is wrong, and hides what policies hide', async () => {
    await bad(mine.listV2({ cursor: 'none' }), 400)
    await bad(mine.listV2({ limit: 0 }), 400)
    await bad(mine.listV2({ prefix: '../' }), 400)
    await bad(mine.listV2({ sortBy: { column: 'metadata', order: 'asc' } }), 400)
    const none = await good(eve.storage.from(own).listV2({ prefix: here }))
    assert.deepEqual([none.objects, none.folders, none.hasNext], [[], [], false])
  })
}
