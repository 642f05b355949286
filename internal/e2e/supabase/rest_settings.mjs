// What settings switch on: aggregates, plans and rollback. It waits until the settings are known.
import assert from 'node:assert/strict'
import { answer, check, client, data, finish, refused, rows } from './harness.mjs'

const anon = client(process.env.PUBLISHABLE_KEY)
const admin = client(process.env.SECRET_KEY)
const books = (columns = 'id', options) => anon.from('books').select(columns, options)

let known = 0 // times in a row: each of the workers is asked
for (const end = Date.now() + 30000; known < 6 && Date.now() < end;) known = (await books('pages.sum()')).error ? 0 : known + 1

await check('aggregates', async () => {
  await rows(books('pages.sum(), n:id.count(), count(), pages.min(), most:pages.max(), price.avg()'), [{ sum: 1500, n: 5, count: 5, min: 100, most: 500, avg: 29.6875 }])
  await rows(books('binding, pages.sum()').order('binding'), [{ binding: 'paper', sum: 1000 }, { binding: 'cloth', sum: 500 }])
  await rows(books('id, reviews(stars.avg(), count())').in('id', [1, 3]).order('id'), [{ id: 1, reviews: [{ avg: 4, count: 3 }] }, { id: 3, reviews: [{ avg: null, count: 0 }] }])
  await rows(books('pages.sum(), ...authors!author_id(name)').order('authors(name)'), [{ sum: 300, name: 'Ann' }, { sum: 700, name: 'Bob' }, { sum: 500, name: 'Cid' }])
  await rows(books('total:price.sum()::int').eq('author_id', 1), [{ total: 29 }])
})
await check('explain', async () => {
  const text = await data(books().eq('id', 1).explain())
  assert.match(text, /books/)
  assert.match(text, /cost=/)
  assert.match(await data(books().explain({ analyze: true, verbose: true, settings: true, buffers: true, wal: true })), /actual time/)
  const json = await data(books().eq('id', 1).explain({ format: 'json', analyze: true }))
  assert.ok(json[0].Plan['Plan Rows'] >= 0)
  assert.ok('Execution Time' in json[0])
  assert.match(await data(admin.from('orders').insert({ id: 9000 }).select().rollback().explain({ analyze: true })), /Insert on .*orders/)
  assert.match(await data(anon.rpc('all_books').select('id').explain()), /cost=/)
  await refused(books('nothing').explain(), 400, { code: '42703' })
})
await check('rollback', async () => {
  await answer(admin.from('orders').insert({ id: 9001 }).select('id').rollback(), { status: 201, data: [{ id: 9001 }] })
  await rows(admin.from('orders').select('id').eq('id', 9001), [])
})
await check('other schemas', async () => {
  if (!process.env.OTHER_SCHEMA) return
  const other = anon.schema('other')
  await rows(other.from('things').select('name'), [{ name: 'lamp' }])
  await answer(other.from('things').insert({ name: 'desk' }).select('name').rollback(), { status: 201, data: [{ name: 'desk' }] })
  await answer(other.rpc('twice', { n: 4 }), { data: 8 })
  await answer(other.rpc('twice', { n: 4 }, { get: true }), { data: 8 })
  await refused(other.from('books').select(), 404, { code: 'PGRST205', message: "Could not find the table 'other.books' in the schema cache" })
  await rows(client(process.env.PUBLISHABLE_KEY, { db: { schema: 'other' } }).from('things').select('name'), [{ name: 'lamp' }])
  await refused(anon.schema('nope').from('things').select(), 406, { code: 'PGRST106', message: 'Invalid schema: nope', hint: 'Only the following schemas are exposed: public, other' })
})

finish()
