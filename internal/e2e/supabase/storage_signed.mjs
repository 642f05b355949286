// Walks signed URLs, of downloads and of uploads.
import assert from 'node:assert/strict'
import { admin, anon, answered, bad, bucket, good, png, random, request, step, tampered, text, until, user } from './storage_harness.mjs'

const { PUBLISHABLE_KEY, SERVICE_ROLE_KEY } = process.env

export async function signed() {
  const own = await bucket('own')
  const inbox = await bucket('inbox')
  const narrow = await bucket('narrow', { public: false, fileSizeLimit: 10, allowedMimeTypes: ['text/plain'] })
  const ada = await user('sign-ada')
  const eve = await user('sign-eve')
  const mine = ada.storage.from(own)
  const path = (name) => `${ada.id}/${name}`
  await good(mine.upload(path('ملف 1+2.txt'), 'signed', { contentType: 'text/plain', cacheControl: '3600' }))
  await good(mine.upload(path('other.txt'), 'other', { contentType: 'text/plain' }))
  await good(mine.upload(path('p.png'), png(40, 20), { contentType: 'image/png' }))
  const refused = async (url, init) => {
    const answer = await answered(url, 400, init)
    const body = await answer.json()
    assert.ok(['InvalidJWT', 'InvalidSignature', 'MissingParameter'].includes(body.code), JSON.stringify(body))
  }

  await step('from().createSignedUrl', 'is read by anyone', async () => {
    const { signedUrl } = await good(mine.createSignedUrl(path('ملف 1+2.txt'), 60))
    const got = await answered(signedUrl, 200)
    assert.equal(await got.text(), 'signed')
    assert.doesNotMatch(got.headers.get('cache-control'), /public/)
    assert.equal((await answered(signedUrl, 200, { method: 'HEAD' })).headers.get('content-length'), '6')
    const part = await answered(signedUrl, 206, { headers: { range: 'bytes=1-2' } })
    assert.equal(await part.text(), 'ig')
  })
  await step('from().createSignedUrl', 'as a download, and with a nonce', async () => {
    const { signedUrl } = await good(mine.createSignedUrl(path('other.txt'), 60, { download: 'имя.txt', cacheNonce: 'a' }))
    assert.match((await answered(signedUrl, 200)).headers.get('content-disposition'), /^attachment; .*filename\*=UTF-8''/)
    const plain = await good(mine.createSignedUrl(path('other.txt'), 60, { download: true }))
    assert.match((await answered(plain.signedUrl, 200)).headers.get('content-disposition'), /^attachment/)
  })
  await step('from().createSignedUrl', 'of an image made of another', async () => {
    const { signedUrl } = await good(mine.createSignedUrl(path('p.png'), 60, { transform: { width: 6, height: 3, resize: 'fill', format: 'origin' } }))
    const made = Buffer.from(await (await answered(signedUrl, 200)).arrayBuffer())
    assert.deepEqual([made.readUInt32BE(16), made.readUInt32BE(20)], [6, 3])
    const more = Buffer.from(await (await request(`${signedUrl}&width=40&height=20`)).arrayBuffer())
    assert.deepEqual([more.readUInt32BE(16), more.readUInt32BE(20)], [6, 3], 'the token says what is made')
    const whole = new URL(signedUrl)
    whole.pathname = whole.pathname.replace('/render/image/sign/', '/object/sign/')
    await refused(whole.href)
  })
  await step('from().createSignedUrl', 'ends', async () => {
    const { signedUrl } = await good(mine.createSignedUrl(path('other.txt'), 1))
    const token = new URL(signedUrl).searchParams.get('token')
    await until('a signed URL ends', async () => (await request(signedUrl)).status !== 200)
    await refused(signedUrl)
    await refused(signedUrl.replace(token, tampered(token, { exp: 4e9 })))
  })
  await step('from().createSignedUrl', 'is for one file', async () => {
    const { signedUrl } = await good(mine.createSignedUrl(path('other.txt'), 60))
    const token = new URL(signedUrl).searchParams.get('token')
    const base = signedUrl.split('?')[0]
    await refused(base)
    await refused(`${base}?token=`)
    await refused(`${base}?token=${token.slice(0, -2)}`)
    await refused(`${base}?token=${tampered(token, { url: `${own}/${path('p.png')}` })}`)
    await refused(`${base}?token=${ada.token}`)
    await refused(`${base}?token=${SERVICE_ROLE_KEY}`)
    await refused(`${base.replace('other.txt', 'p.png')}?token=${token}`)
    await refused(`${base.replace(own, inbox)}?token=${token}`)
    const [head, payload] = token.split('.')
    await refused(`${base}?token=${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`)
    await refused(`${base}?token=${head}.${payload}.`)
    assert.equal((await request(base.replace('/object/sign/', '/object/'), { headers: { apikey: PUBLISHABLE_KEY, authorization: `Bearer ${token}` } })).status, 401, 'no bearer token')
  })
  await step('from().createSignedUrl', 'refuses what may not be read, is missing, or ends before now', async () => {
    await bad(eve.storage.from(own).createSignedUrl(path('other.txt'), 60), 404)
    await bad(anon.from(own).createSignedUrl(path('other.txt'), 60), 404)
    await bad(mine.createSignedUrl(path('nothing'), 60), 404)
    await bad(mine.createSignedUrl('a%00b', 60), 400)
    await bad(mine.createSignedUrl(path('other.txt'), 0), 400)
    await bad(mine.createSignedUrl(path('other.txt'), -5), 400)
    await bad(mine.createSignedUrl(path('other.txt'), 'soon'), 400)
  })
  await step('from().createSignedUrl', 'of a file that has gone', async () => {
    await good(mine.upload(path('goes.txt'), 'x'))
    const { signedUrl } = await good(mine.createSignedUrl(path('goes.txt'), 60))
    await good(mine.remove([path('goes.txt')]))
    const answer = await answered(signedUrl, 400)
    assert.equal((await answer.json()).statusCode, '404')
  })
  await step('from().createSignedUrls', 'each with its own answer', async () => {
    const got = await good(mine.createSignedUrls([path('ملف 1+2.txt'), path('nothing'), 'a/../b'], 60, { download: 'x.txt', cacheNonce: 'b' }))
    assert.deepEqual(got.map((one) => one.path), [path('ملف 1+2.txt'), path('nothing'), 'a/../b'])
    assert.equal(await (await answered(got[0].signedUrl, 200)).text(), 'signed')
    assert.equal(got[0].error, null)
    for (const one of got.slice(1)) {
      assert.equal(one.signedUrl, null)
      assert.match(one.error, /does not exist or you do not have access/)
    }
    const theirs = await good(eve.storage.from(own).createSignedUrls([path('other.txt')], 60))
    assert.equal(theirs[0].signedUrl, null)
    await bad(mine.createSignedUrls([], 60), 400)
    await bad(mine.createSignedUrls([path('other.txt')], 0), 400)
  })

  const content = random(50_000)
  await step('from().createSignedUploadUrl from().uploadToSignedUrl', 'by somebody else', async () => {
    const to = path('up/тест.bin')
    const given = await good(mine.createSignedUploadUrl(to))
    assert.equal(given.path, to)
    assert.ok(given.signedUrl.includes(given.token))
    assert.deepEqual(await good(anon.from(own).uploadToSignedUrl(to, given.token, content, { contentType: 'application/x-thing', cacheControl: '9', metadata: { by: 'anon' } })), { path: to, fullPath: `${own}/${to}` })
    const seen = await good(mine.info(to))
    assert.deepEqual([seen.size, seen.contentType, seen.cacheControl, seen.metadata], [content.length, 'application/x-thing', 'max-age=9', { by: 'anon' }])
    await bad(anon.from(own).uploadToSignedUrl(to, given.token, 'again'), 409)
    await bad(anon.from(own).uploadToSignedUrl(to, given.token, 'again', { upsert: true }), 409)
  })
  await step('from().uploadToSignedUrl', 'every kind of body', async () => {
    for (const [name, body, options] of [['blob', new Blob([content], { type: 'a/b' })], ['stream', new Blob([content]).stream(), { contentType: 'a/b' }], ['string', content.toString('hex'), { contentType: 'a/b' }]]) {
      const { token } = await good(mine.createSignedUploadUrl(path(name)))
      await good(anon.from(own).uploadToSignedUrl(path(name), token, body, options))
      assert.equal((await good(mine.info(path(name)))).contentType, 'a/b')
    }
    const { token } = await good(mine.createSignedUploadUrl(path('form')))
    const form = new FormData()
    form.append('', new Blob(['f'], { type: 'c/d' }), 'f')
    await good(anon.from(own).uploadToSignedUrl(path('form'), token, form))
    assert.equal(await text(mine.download(path('form'))), 'f')
  })
  await step('from().createSignedUploadUrl', 'to replace', async () => {
    const { token } = await good(mine.createSignedUploadUrl(path('other.txt'), { upsert: true }))
    await good(anon.from(own).uploadToSignedUrl(path('other.txt'), token, 'replaced'))
    assert.equal(await text(mine.download(path('other.txt'))), 'replaced')
  })
  await step('from().uploadToSignedUrl', 'keeps to the token and the bucket', async () => {
    const { token } = await good(mine.createSignedUploadUrl(path('one.txt')))
    await bad(anon.from(own).uploadToSignedUrl(path('two.txt'), token, 'x'), 400)
    await bad(anon.from(inbox).uploadToSignedUrl(path('one.txt'), token, 'x'), 400)
    await bad(anon.from(own).uploadToSignedUrl(path('one.txt'), token + 'x', 'x'), 400)
    await bad(anon.from(own).uploadToSignedUrl(path('one.txt'), tampered(token, { upsert: true }), 'x'), 400)
    await bad(anon.from(own).uploadToSignedUrl(path('one.txt'), '', 'x'), 400)
    await bad(anon.from(own).uploadToSignedUrl(path('one.txt'), ada.token, 'x'), 400)
    const read = new URL((await good(mine.createSignedUrl(path('other.txt'), 60))).signedUrl).searchParams.get('token')
    await bad(anon.from(own).uploadToSignedUrl(path('other.txt'), read, 'x'), 400)
    await bad(mine.download(path('one.txt')), 404)
    const given = await good(admin.from(narrow).createSignedUploadUrl('n.txt'))
    await bad(anon.from(narrow).uploadToSignedUrl('n.txt', given.token, 'more than ten bytes', { contentType: 'text/plain' }), 413)
    await bad(anon.from(narrow).uploadToSignedUrl('n.txt', given.token, 'x', { contentType: 'text/html' }), 415)
    await good(anon.from(narrow).uploadToSignedUrl('n.txt', given.token, 'x', { contentType: 'text/plain' }))
  })
  await step('from().createSignedUploadUrl', 'is denied where an upload is', async () => {
    await bad(eve.storage.from(own).createSignedUploadUrl(path('eve.txt')), 403, /row-level security/)
    await bad(anon.from(own).createSignedUploadUrl(path('eve.txt')), 403, /row-level security/)
    await bad(eve.storage.from(own).createSignedUploadUrl(path('other.txt'), { upsert: true }), 403)
    await bad(mine.createSignedUploadUrl(path('other.txt')), 409)
    await bad(mine.createSignedUploadUrl('a%00b'), 400)
    await bad(admin.from('nothing').createSignedUploadUrl('a.txt'), 404)
    await good(anon.from(inbox).createSignedUploadUrl('anon.txt'))
  })
}
