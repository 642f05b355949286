// Uploads by tus-js-client while everything dies: one upload is paused between chunks, one is under way. Both go on when the server is back.
//
//   DEATH is an address that kills the server, and answers when it serves again.
import assert from 'node:assert/strict'
import * as tus from 'tus-js-client'
import { finish, check } from './harness.mjs'
import { BASE, bucket, bytes, good, random, user } from './storage_harness.mjs'

const own = await bucket('own')
const ada = await user('death-ada')
const headers = { apikey: process.env.PUBLISHABLE_KEY, authorization: `Bearer ${ada.token}` }
const content = random(12 * 1000 * 1000)
const retryDelays = Array(100).fill(200)
const upload = (name, options) => {
  let settle
  const done = new Promise((resolve, reject) => (settle = { resolve, reject }))
  done.catch(() => {})
  const one = new tus.Upload(content, {
    endpoint: `${BASE}/upload/resumable`, headers, retryDelays, onShouldRetry: () => true, metadata: { bucketName: own, objectName: `${ada.id}/${name}`, contentType: 'a/b' },
    onSuccess: settle.resolve, onError: settle.reject, ...options,
  })
  return Object.assign(one, { done })
}
const same = async (name) => assert.ok(content.equals(await bytes(ada.storage.from(own).download(`${ada.id}/${name}`))), 'other bytes')

let pause
const paused = new Promise((resolve) => (pause = resolve))
const between = upload('between.bin', { chunkSize: 5 * 1024 * 1024, onChunkComplete: () => pause() })
between.start()
await paused
await between.abort()

let begin
const begun = new Promise((resolve) => (begin = resolve))
const underWay = upload('under-way.bin', { onProgress: (sent) => sent > 1_000_000 && begin() })
underWay.start()
await begun
const answer = await fetch(process.env.DEATH, { method: 'POST' })
assert.equal(answer.status, 200, await answer.text())

await check('an upload that was paused goes on after the death of the worker', async () => {
  const offsets = []
  const again = upload('between.bin', { uploadUrl: between.url, chunkSize: 5 * 1024 * 1024, onChunkComplete: (_, accepted) => offsets.push(accepted) })
  again.start()
  await again.done
  assert.ok(offsets[0] > 5 * 1024 * 1024, 'it began anew')
  await same('between.bin')
})
await check('an upload that was under way goes on by itself', async () => {
  await underWay.done
  await same('under-way.bin')
})
await check('no other file is there', async () => assert.deepEqual((await good(ada.storage.from(own).list(ada.id))).map((o) => o.name), ['between.bin', 'under-way.bin']))
finish()
