// Walks tus-js-client as it is published: every method of an upload, every option, and what is refused.
import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import * as tus from 'tus-js-client'
import { admin, anon, answered, BASE, bucket, bytes, good, mark, random, request, step, until, user } from './storage_harness.mjs'
import { report } from './walk.mjs'

const { PUBLISHABLE_KEY, SECRET_KEY } = process.env
const ENDPOINT = `${BASE}/upload/resumable`
// Node does not resolve "<ref>.localhost".
const httpStack = new tus.DefaultHttpStack({ lookup: (_, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) })

// shouldRetry is the client's own rule where a step has one or asks for retries; and the limit of requests is always waited for.
const shouldRetry = (options) => (error, attempt) => {
  const status = error.originalResponse?.getStatus() ?? 0
  if (status === 429 || !options.retryDelays) return status === 429
  return options.onShouldRetry ? options.onShouldRetry(error, attempt, options) : status < 400 || status >= 500 || status === 409 || status === 423
}

const used = new Set(['onSuccess', 'onError']) // options
/** upload makes an upload that settles its `done`. */
function upload(file, options) {
  for (const key of Object.keys(options)) used.add(key)
  let settle
  const done = new Promise((resolve, reject) => (settle = { resolve, reject }))
  done.catch(() => {})
  const one = new tus.Upload(file, {
    endpoint: ENDPOINT, httpStack, ...options, retryDelays: options.retryDelays ?? Array(20).fill(1000), onShouldRetry: shouldRetry(options),
    onSuccess: (payload) => (options.onSuccess?.(payload), settle.resolve(one)),
    onError: (error) => (options.onError?.(error), settle.reject(error)),
  })
  return Object.assign(one, { done })
}
/** send uploads a file to its end. */
const send = (file, options) => {
  const one = upload(file, options)
  one.start()
  return one.done
}
/** refused requires an upload to end with a status. */
async function refused(file, options, status, message) {
  const error = await send(file, options).then(() => assert.fail('it was not refused'), (error) => error)
  assert.ok(error instanceof tus.DetailedError, error.stack)
  assert.equal(error.originalResponse?.getStatus(), status, error.message)
  if (message) assert.match(error.originalResponse.getBody(), message)
  return error
}

const own = await bucket('own')
const inbox = await bucket('inbox')
const narrow = await bucket('narrow', { public: false, fileSizeLimit: 1000, allowedMimeTypes: ['text/plain'] })
const ada = await user('tus-ada')
const eve = await user('tus-eve')
const headers = { apikey: PUBLISHABLE_KEY, authorization: `Bearer ${ada.token}` }
const strange = { apikey: PUBLISHABLE_KEY, authorization: `Bearer ${eve.token}` }
const mine = ada.storage.from(own)
const named = (name, more = {}) => ({ bucketName: own, objectName: `${ada.id}/${name}`, contentType: 'application/x-thing', cacheControl: '60', ...more })
const stored = async (name, content) => assert.ok(content.equals(await bytes(mine.download(`${ada.id}/${name}`))), `${name} has other bytes`)
const info = (name) => good(mine.info(`${ada.id}/${name}`))
const content = random(1 << 20)

await step('start', 'a file at once', async () => {
  let told
  const one = await send(content, { headers, metadata: named('a.bin', { metadata: JSON.stringify({ title: '日本語 😀' }) }), onSuccess: ({ lastResponse }) => (told = lastResponse.getStatus()) })
  assert.equal(told, 204)
  assert.ok(one.url.startsWith(ENDPOINT + '/'), one.url)
  await stored('a.bin', content)
  const seen = await info('a.bin')
  assert.deepEqual([seen.size, seen.contentType, seen.cacheControl, seen.metadata], [content.length, 'application/x-thing', 'max-age=60', { title: '日本語 😀' }])
  const [row] = (await good(mine.list(ada.id))).filter((o) => o.name === 'a.bin')
  assert.equal(row.metadata.size, content.length)
})
await step('start', 'in chunks of any size', async () => {
  const chunks = []
  const progress = []
  await send(content, { headers, metadata: named('chunks.bin'), chunkSize: 200_000, onChunkComplete: (size, accepted) => chunks.push([size, accepted]), onProgress: (sent, total) => progress.push([sent, total]) })
  assert.deepEqual(chunks.map(([size]) => size), [200_000, 200_000, 200_000, 200_000, 200_000, 48_576])
  assert.equal(chunks.at(-1)[1], content.length)
  assert.ok(progress.length > 6 && progress.every(([, total]) => total === content.length))
  await stored('chunks.bin', content)
})
await step('start', 'in chunks of 6 MB, as Supabase advises', async () => {
  const large = random(13 * 1000 * 1000)
  await send(large, { headers, metadata: named('large.bin'), chunkSize: 6 * 1024 * 1024 })
  await stored('large.bin', large)
})
await step('start', 'nothing at all', async () => {
  await send(Buffer.alloc(0), { headers, metadata: named('empty.bin') })
  await stored('empty.bin', Buffer.alloc(0))
})
await step('start', 'names in any script', async () => {
  for (const name of ['тест/日本語.txt', 'ملف 😀 a+b&c?d#e%20f.txt', 'x'.repeat(900)]) {
    await send(Buffer.from(name), { headers, metadata: named(name) })
    const [found] = (await good(mine.listV2({ prefix: `${ada.id}/${name}` }))).objects
    assert.equal(found.name, `${ada.id}/${name}`)
  }
})
await step('start', 'with the first bytes in the first request', async () => {
  const methods = []
  await send(content, { headers, metadata: named('creation.bin'), uploadDataDuringCreation: true, onBeforeRequest: (r) => void methods.push(r.getMethod()) })
  assert.deepEqual(methods, ['POST'])
  await stored('creation.bin', content)
  methods.length = 0
  await send(content, { headers, metadata: named('creation2.bin'), uploadDataDuringCreation: true, chunkSize: 600_000, onBeforeRequest: (r) => void methods.push(r.getMethod()) })
  assert.deepEqual(methods, ['POST', 'PATCH'])
  await stored('creation2.bin', content)
})
await step('start', 'a stream whose length is told at its end', async () => {
  await send(Readable.from([content.subarray(0, 300_000), content.subarray(300_000)]), { headers, metadata: named('deferred.bin'), uploadLengthDeferred: true, chunkSize: 250_000 })
  await stored('deferred.bin', content)
})
await step('start', 'a stream whose length is known', async () => {
  await send(Readable.from([content]), { headers, metadata: named('stream.bin'), uploadSize: content.length, chunkSize: 400_000 })
  await stored('stream.bin', content)
})
await step('start', 'through what lets no PATCH pass', async () => {
  await send(content, { headers, metadata: named('override.bin'), overridePatchMethod: true, chunkSize: 700_000 })
  await stored('override.bin', content)
})
await step('start', 'in parallel, as partial uploads that are joined', async () => {
  for (const [name, more] of Object.entries({ 'parallel.bin': { parallelUploads: 3 }, 'bounds.bin': { parallelUploads: 2, parallelUploadBoundaries: [{ start: 0, end: 10 }, { start: 10, end: content.length }] } })) {
    await send(content, { headers, metadata: named(name), metadataForPartialUploads: named(name), ...more })
    await stored(name, content)
    assert.equal((await info(name)).contentType, 'application/x-thing')
  }
})
await step('start', 'goes on by itself after a broken connection', async () => {
  let current
  let broken = 0
  const one = upload(content, {
    headers, metadata: named('broken.bin'), chunkSize: 500_000, retryDelays: [10, 50, 100, 500], onShouldRetry: () => true, addRequestId: true,
    onBeforeRequest: (r) => void (current = r),
    onProgress: (sent) => void (sent > 550_000 && !broken++ && current.getUnderlyingObject().destroy()),
    onAfterResponse: (r, answer) => void (r.getMethod() === 'PATCH' && assert.ok(answer.getHeader('Upload-Offset'), answer.getBody())),
  })
  one.start()
  await one.done
  assert.equal(broken > 0, true)
  await stored('broken.bin', content)
})
await step('abort start', 'pauses and goes on', async () => {
  const one = upload(content, { headers, metadata: named('paused.bin'), chunkSize: 300_000, onChunkComplete: (_, accepted) => void (accepted === 300_000 && paused()) })
  let paused
  const pause = new Promise((resolve) => (paused = resolve))
  one.start()
  await pause
  await one.abort()
  const head = await answered(one.url, 200, { method: 'HEAD', headers: { ...headers, 'Tus-Resumable': '1.0.0' } })
  assert.equal(head.headers.get('upload-length'), String(content.length))
  assert.ok(Date.parse(head.headers.get('upload-expires')) > Date.now())
  await new Promise((resolve) => setTimeout(resolve, 100)) // the server may still take what was under way
  one.options.onShouldRetry = shouldRetry({ retryDelays: (one.options.retryDelays = [50, 100, 200, 400]) })
  one.start()
  await one.done
  await stored('paused.bin', content)
})
await step('findPreviousUploads resumeFromPreviousUpload', 'goes on in another process', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'tus-'))
  const options = {
    headers, metadata: named('resumed.bin'), chunkSize: 300_000, retryDelays: [50, 100, 200, 400], storeFingerprintForResuming: true, removeFingerprintOnSuccess: true,
    urlStorage: new tus.FileUrlStorage(path.join(folder, 'urls')), fingerprint: async () => `resumed-${mark}`,
  }
  let stop
  const first = upload(content, { ...options, onUploadUrlAvailable: () => {}, onChunkComplete: () => stop() })
  const stopped = new Promise((resolve) => (stop = resolve))
  first.start()
  await stopped
  await first.abort()
  const second = upload(content, options)
  const previous = await second.findPreviousUploads()
  assert.deepEqual(previous.map((one) => [one.size, one.uploadUrl]), [[content.length, first.url]])
  second.resumeFromPreviousUpload(previous[0])
  second.start()
  await second.done
  assert.equal(second.url, first.url)
  await stored('resumed.bin', content)
  await until('the client forgets an upload that is done', async () => (await upload(content, options).findPreviousUploads()).length === 0)
  await fs.rm(folder, { recursive: true })
})
/** begun begins an upload and returns its address. */
const begun = async (name, options = {}) => {
  let stop
  const one = upload(content, { headers, metadata: named(name), chunkSize: 300_000, onChunkComplete: () => stop(), ...options })
  const stopped = new Promise((resolve) => (stop = resolve))
  one.start()
  await stopped
  await one.abort()
  return one
}
await step('start', 'goes on at an address', async () => {
  const { url } = await begun('address.bin')
  await send(content, { headers, uploadUrl: url, chunkSize: 300_000, retryDelays: [50, 100, 200, 400] })
  await stored('address.bin', content)
})
await step('abort terminate', 'gives an upload up', async () => {
  const gone = async (url) => assert.ok([404, 410].includes((await request(url, { method: 'HEAD', headers: { ...headers, 'Tus-Resumable': '1.0.0' } })).status))
  const retryDelays = [50, 100, 200, 400] // the server may still take what was under way
  const one = await begun('terminated.bin', { retryDelays })
  await one.abort(true)
  await gone(one.url)
  const two = await begun('terminated2.bin')
  await tus.Upload.terminate(two.url, { httpStack, headers, retryDelays })
  await gone(two.url)
  await assert.rejects(tus.Upload.terminate(two.url, { httpStack, headers }), tus.DetailedError)
  await refused(content, { headers, endpoint: null, uploadUrl: two.url }, 404).catch(() => refused(content, { headers, endpoint: null, uploadUrl: two.url }, 410))
  assert.deepEqual((await good(mine.list(ada.id, { search: 'terminated' }))), [])
})
await step('start', 'by a signed token', async () => {
  const name = `${ada.id}/signed/тест.bin`
  const { token } = await good(mine.createSignedUploadUrl(name))
  const signed = { endpoint: `${ENDPOINT}/sign`, headers: { 'x-signature': token }, chunkSize: 400_000 }
  const metadata = named('signed/тест.bin')
  await refused(content, { ...signed, metadata: { ...metadata, objectName: `${ada.id}/other.bin` } }, 400)
  await refused(content, { ...signed, metadata: { ...metadata, bucketName: inbox } }, 400)
  await refused(content, { ...signed, metadata, headers: { 'x-signature': token + 'x' } }, 400)
  await refused(content, { ...signed, metadata, headers: { 'x-signature': ada.token } }, 400)
  await refused(content, { ...signed, metadata, headers: {} }, 400)
  await send(content, { ...signed, metadata })
  await stored('signed/тест.bin', content)
  await refused(content, { ...signed, metadata }, 409)
})
await step('start', 'replaces only when told to', async () => {
  await refused(content, { headers, metadata: named('a.bin') }, 409, /already exists/)
  const other = random(1000)
  await send(other, { headers: { ...headers, 'x-upsert': 'true' }, metadata: named('a.bin') })
  await stored('a.bin', other)
})
await step('start', 'is denied in folders of others', async () => {
  await refused(content, { headers: strange, metadata: named('eve.bin') }, 403, /row-level security/)
  await refused(content, { headers: { apikey: PUBLISHABLE_KEY }, metadata: named('anon.bin') }, 403, /row-level security/)
  await refused(content, { headers: {}, metadata: named('nobody.bin') }, 401)
  await refused(content, { headers: { ...strange, 'x-upsert': 'true' }, metadata: named('a.bin') }, 403)
})
await step('start', 'by who may not read', async () => {
  await send(content, { headers: { apikey: PUBLISHABLE_KEY }, metadata: { bucketName: inbox, objectName: 'letter.bin' }, chunkSize: 600_000 })
  assert.ok(content.equals(await bytes(admin.from(inbox).download('letter.bin'))))
  await assert.rejects(async () => bytes(anon.from(inbox).download('letter.bin')))
})
await step('start', 'keeps to sizes and types', async () => {
  const metadata = { bucketName: narrow, objectName: 'a.txt', contentType: 'text/plain' }
  const all = { apikey: SECRET_KEY }
  await refused(Buffer.alloc(1001), { headers: all, metadata }, 413)
  await refused(Readable.from([Buffer.alloc(1001)]), { headers: all, metadata, uploadLengthDeferred: true, chunkSize: 600 }, 413)
  await refused(Buffer.alloc(10), { headers: all, metadata: { ...metadata, contentType: 'text/html' } }, 415)
  await refused(Buffer.alloc(Number(process.env.MOST) + 1), { headers, metadata: named('most.bin') }, 413)
  await send(Buffer.alloc(1000), { headers: all, metadata })
})
await step('start', 'refuses names that are none', async () => {
  for (const name of ['../a', 'a/../b', 'a//b', '/a', 'a/', 'a\\b', 'a\u0000b', 'a\nb', 'a\u202eb', 'x'.repeat(1025)])
    await refused(Buffer.from('x'), { headers: { apikey: SECRET_KEY }, metadata: { bucketName: own, objectName: name } }, 400)
  await refused(Buffer.from('x'), { headers: { apikey: SECRET_KEY }, metadata: { bucketName: 'nothing', objectName: 'a' } }, 404, /Bucket not found/)
  await refused(Buffer.from('x'), { headers: { apikey: SECRET_KEY }, metadata: { bucketName: '../a', objectName: 'a' } }, 400)
  await refused(Buffer.from('x'), { headers: { apikey: SECRET_KEY }, metadata: { objectName: 'a' } }, 400)
  await refused(Buffer.from('x'), { headers, metadata: named('metadata.bin', { metadata: '[1]' }) }, 400)
})
await step('start terminate', 'lets no stranger near', async () => {
  const { url } = await begun('theirs.bin')
  for (const headers of [strange, { apikey: PUBLISHABLE_KEY }]) {
    await refused(content, { headers, endpoint: null, uploadUrl: url }, 404)
    await assert.rejects(tus.Upload.terminate(url, { httpStack, headers }), tus.DetailedError)
  }
  await send(content, { headers, uploadUrl: url, chunkSize: 300_000, retryDelays: [50, 100, 200, 400] })
  await stored('theirs.bin', content)
})
await step('start', 'every chunk by its checksum', async () => {
  const { subtle } = globalThis.crypto
  const checksum = async (from) => `sha256 ${Buffer.from(await subtle.digest('SHA-256', from)).toString('base64')}`
  await send(content, { headers: { ...headers, 'Upload-Checksum': await checksum(content) }, metadata: named('sum.bin') })
  await stored('sum.bin', content)
  await refused(content, { headers: { ...headers, 'Upload-Checksum': await checksum(random(5)) }, metadata: named('wrong.bin') }, 460)
})
await step('start', 'every option of the client', async () => {
  const elsewhere = ['fileReader', 'protocol'] // the client’s own business: how files are read, and a draft of another protocol
  const left = Object.keys(tus.defaultOptions).filter((key) => !used.has(key) && !elsewhere.includes(key) && key !== 'httpStack')
  assert.deepEqual(left, [], 'options that were not walked')
})

const never = upload(content, { headers })
report({ '': Object.assign(never, { terminate: tus.Upload.terminate }) }, [])
