// Walks every public method of storage-js, as it is published: StorageClient with its buckets, StorageFileApi, and the builders of downloads.
import assert from 'node:assert/strict'
import { StorageClient } from '@supabase/storage-js'
import { buckets } from './storage_buckets.mjs'
import { changes } from './storage_changes.mjs'
import { admin, anon, BASE, bad, step } from './storage_harness.mjs'
import { reads } from './storage_reads.mjs'
import { signed } from './storage_signed.mjs'
import { uploads } from './storage_uploads.mjs'
import { report } from './walk.mjs'

// Clients of other products of Supabase's, which are no part of storage here: a project answers them plainly that it has none.
const ELSEWHERE = {
  analytics: (client) => client.listBuckets(),
  vectors: (client) => client.listBuckets(),
}

await step('from', 'gives a client of a bucket', async () => {
  assert.equal(anon.from('a').constructor.name, 'StorageFileApi')
  const getters = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(admin))).filter(([, d]) => d.get).map(([name]) => name).sort()
  assert.deepEqual(getters, Object.keys(ELSEWHERE), 'clients that the walk does not know of')
  for (const [name, call] of Object.entries(ELSEWHERE)) assert.ok((await call(admin[name])).error, name)
})
await step('throwOnError from().throwOnError', 'throws what would be returned', async () => {
  const strict = new StorageClient(BASE, { apikey: process.env.PUBLISHABLE_KEY }, admin.fetch).throwOnError()
  await assert.rejects(strict.getBucket('nothing'), { name: 'StorageApiError', statusCode: '404' })
  await assert.rejects(anon.from('nothing').throwOnError().info('a'), { name: 'StorageApiError', statusCode: '404' })
  await assert.rejects(async () => anon.from('nothing').throwOnError().download('a'), { name: 'StorageApiError' })
})
await step('setHeader from().setHeader', 'sends other credentials', async () => {
  const other = new StorageClient(BASE, { apikey: process.env.SECRET_KEY }, admin.fetch)
  assert.equal((await other.listBuckets()).error, null)
  await bad(other.setHeader('apikey', 'nobody').listBuckets(), 401)
  await bad(admin.from('a').setHeader('apikey', 'nobody').setHeader('authorization', 'Bearer nobody').list(), 401)
})
await step('from().toBase64', 'encodes metadata', async () => assert.equal(anon.from('a').toBase64('тест'), '0YLQtdGB0YI='))

await Promise.all([buckets(), uploads(), changes(), reads(), signed()])

const file = anon.from('a')
const download = file.download('a')
report({ '': anon, 'from().': file, 'download().': download, 'asStream().': download.asStream() }, [
  'fetch', 'downloadFn', // what they were made with
  'handleOperation', 'listBucketOptionsToQueryString', 'uploadOrUpdate', 'encodeMetadata', 'applyTransformOptsToQuery', 'getPromise', 'execute', // private
])
