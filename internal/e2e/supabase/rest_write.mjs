// Writes and calls functions with every method of postgrest-js that does: insert, upsert, update, delete, rpc, as anon, as users
// and with the secret key. The tables are rest.sql's.
import assert from 'node:assert/strict'
import { answer, check, client, data, finish, mark, refused, rows } from './harness.mjs'

const anon = client(process.env.PUBLISHABLE_KEY)
const admin = client(process.env.SECRET_KEY)
const ada = client(process.env.PUBLISHABLE_KEY)
const eve = client(process.env.PUBLISHABLE_KEY)
for (const [user, name] of [[ada, 'ada'], [eve, 'eve']]) {
  await data(user.auth.signUp({ email: `${name}.${mark}@example.com`, password: 'correct horse battery' }))
}
await data(admin.from('orders').delete().gte('id', 0))
await data(admin.from('parts').delete().gte('a', 0))
await data(admin.from('diary').delete().gte('id', 0))

const orders = () => ada.from('orders')
const parts = () => ada.from('parts')

// Inserts.
await check('insert returns nothing', () => answer(orders().insert({ id: 1, code: 'a' }), { status: 201, statusText: 'Created', data: null, count: null }))
await check('insert of many, counted', () => answer(orders().insert([{ id: 2, code: 'b' }, { id: 3, code: 'c' }], { count: 'exact' }), { status: 201, data: null, count: 2 }))
await check('insert returns rows as select says', async () => {
  await answer(orders().insert({ id: 4, code: 'd', item: 'x', book_id: 1 }).select('code, item, books(title, authors!author_id(name))'),
    { status: 201, data: [{ code: 'd', item: 'x', books: { title: 'Ants', authors: { name: 'Ann' } } }] })
  await answer(orders().insert({ id: 5, code: 'e' }).select('id').single(), { status: 201, data: { id: 5 } })
  await answer(orders().insert([{ id: 6 }, { id: 7 }], { count: 'exact' }).select('id').order('id', { ascending: false }), { status: 201, count: 2, data: [{ id: 7 }, { id: 6 }] })
})
await check('what an object lacks', async () => {
  await rows(orders().insert({ id: 8 }).select('item, amount'), [{ item: 'nothing', amount: 1 }])
  await rows(orders().insert([{ id: 9, item: 'y' }, { id: 10, note: 'n' }]).select('item, amount, note'), [{ item: 'y', amount: 1, note: null }, { item: null, amount: 1, note: 'n' }])
  await rows(orders().insert([{ id: 11, item: 'y', part: 1 }, { id: 12, note: 'n' }], { defaultToNull: false }).select('item, note'), [{ item: 'y', note: null }, { item: 'nothing', note: 'n' }])
})
await check('insert of nothing', async () => {
  await answer(orders().insert([]), { status: 201, data: null })
  await answer(orders().insert([]).select(), { status: 201, data: [] })
  const made = await data(orders().insert({}).select('item, amount').single())
  assert.deepEqual(made, { item: 'nothing', amount: 1 })
})
await check('insert refused by constraints', async () => {
  await refused(orders().insert({ id: 1 }), 409, { code: '23505', message: 'duplicate key value violates unique constraint "orders_pkey"', details: 'Key (id)=(1) already exists.', hint: null })
  await refused(orders().insert({ book_id: 99 }), 409, { code: '23503', message: 'insert or update on table "orders" violates foreign key constraint "orders_book_id_fkey"', details: 'Key (book_id)=(99) is not present in table "books".', hint: null })
  await refused(orders().insert({ amount: 0 }), 400, { code: '23514', message: 'new row for relation "orders" violates check constraint "orders_amount_check"' })
  await refused(orders().insert({ amount: null }), 400, { code: '23502', message: 'null value in column "amount" of relation "orders" violates not-null constraint' })
  await refused(orders().insert({ amount: 'x' }), 400, { code: '22P02', message: 'invalid input syntax for type integer: "x"' })
})
await check('insert refused by names', async () => {
  await refused(orders().insert({ nothing: 1 }), 400, { code: 'PGRST204', message: "Could not find the 'nothing' column of 'orders' in the schema cache", details: null, hint: null })
  await refused(orders().insert([{ id: 50, nothing: 1 }]), 400, { code: 'PGRST204', message: "Could not find the 'nothing' column of 'orders' in the schema cache" })
  await refused(ada.from('order').insert({}), 404, { code: 'PGRST205', message: "Could not find the table 'public.order' in the schema cache", hint: "Perhaps you meant the table 'public.orders'" })
})
await check('one bad row undoes all', async () => {
  await refused(orders().insert([{ id: 60 }, { id: 1 }]), 409, { code: '23505' })
  await rows(orders().select('id').eq('id', 60), [])
})
await check('names of other scripts', async () => {
  const table = ada.from('schöne Bücher')
  await data(table.delete().gt('id', 2))
  await rows(table.insert([{ id: 3, 'Titel ü': 'Straße', 'a.b': '😀', 名前: '山' }]).select('"Titel ü","a.b",名前'), [{ 'Titel ü': 'Straße', 'a.b': '😀', 名前: '山' }])
  await answer(table.delete({ count: 'exact' }).eq('Titel ü', 'Straße'), { status: 204, count: 1 })
})

// Upserts.
await check('upsert by the primary key', async () => {
  await answer(parts().upsert({ a: 1, b: 1, words: 'x' }), { status: 201, data: null })
  await answer(parts().upsert({ a: 1, b: 1, words: 'y' }).select(), { status: 200, data: [{ a: 1, b: 1, words: 'y' }] })
  await answer(parts().upsert([{ a: 1, b: 1, words: 'z' }, { a: 2, b: 1, words: 'n' }], { count: 'exact' }).select('words').order('a'), { status: 201, count: 2, data: [{ words: 'z' }, { words: 'n' }] })
})
await check('upsert by other columns', async () => {
  await answer(orders().upsert({ code: 'a', item: 'again' }, { onConflict: 'code' }).select('id, item'), { status: 200, data: [{ id: 1, item: 'again' }] })
  await answer(orders().upsert([{ item: 'set', part: 1, amount: 2 }], { onConflict: 'item,part', defaultToNull: false }).select('item, amount'), { status: 201, data: [{ item: 'set', amount: 2 }] })
  await refused(orders().upsert({ note: 'x' }, { onConflict: 'note' }), 400, { code: '42P10', message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification' })
  await refused(orders().upsert({ code: 'q' }, { onConflict: 'nothing' }), 400, { code: '42703' })
})
await check('upsert that ignores duplicates', async () => {
  await answer(parts().upsert([{ a: 1, b: 1, words: 'no' }, { a: 3, b: 1, words: 'new' }], { ignoreDuplicates: true }).select('a, words'), { status: 201, data: [{ a: 3, words: 'new' }] })
  await answer(parts().upsert({ a: 1, b: 1, words: 'no' }, { ignoreDuplicates: true }).select(), { status: 201, data: [] })
  await rows(parts().select('words').eq('a', 1), [{ words: 'z' }])
})

// Updates and deletes.
await check('update', async () => {
  await answer(orders().update({ note: 'u' }).eq('id', 2), { status: 204, statusText: 'No Content', data: null, count: null })
  await answer(orders().update({ note: 'v' }, { count: 'exact' }).in('id', [2, 3]), { status: 204, data: null, count: 2 })
  await answer(orders().update({ note: 'w' }, { count: 'exact' }).in('id', [2, 3]).select('id, note').order('id'), { status: 200, count: 2, data: [{ id: 2, note: 'w' }, { id: 3, note: 'w' }] })
  await answer(orders().update({ note: 'x' }).eq('id', 4).select('note, books(title)').single(), { status: 200, data: { note: 'x', books: { title: 'Ants' } } })
  await answer(orders().update({ note: 'x' }).eq('id', 99).select().maybeSingle(), { status: 200, data: null })
  await answer(orders().update({ note: 'x' }, { count: 'exact' }).eq('id', 99), { status: 204, data: null, count: 0 })
  await answer(orders().update({ note: 'x' }).eq('id', 99).select(), { status: 200, data: [] })
  await answer(orders().update({}).eq('id', 1), { status: 204, data: null })
  await answer(orders().update({}).eq('id', 1).select(), { status: 200, data: [] })
  await refused(orders().update({ nothing: 1 }).eq('id', 1), 400, { code: 'PGRST204' })
})
await check('a single row or nothing is changed', async () => {
  await refused(orders().update({ note: 'all' }).in('id', [2, 3]).select('id').single(), 406, { code: 'PGRST116', details: 'The result contains 2 rows' })
  await rows(orders().select('id').eq('note', 'all'), [])
})
await check('filters of embeds with what is returned', () => rows(orders().update({ note: 'e' }).eq('id', 4).eq('books.reviews.stars', 5).select('books(reviews(id))'), [{ books: { reviews: [{ id: 1 }] } }]))
await check('maxAffected', async () => {
  await refused(orders().update({ note: 'many' }).in('id', [2, 3]).maxAffected(1), 400, { code: 'PGRST124', message: 'Query result exceeds max-affected preference constraint', details: 'The query affects 2 rows', hint: null })
  await rows(orders().select('id').eq('note', 'many'), [])
  await answer(orders().update({ note: 'many' }).in('id', [2, 3]).maxAffected(2).select('id').order('id'), { status: 200, data: [{ id: 2 }, { id: 3 }] })
  await refused(orders().delete().in('id', [2, 3]).maxAffected(1), 400, { code: 'PGRST124' })
  await refused(anon.rpc('numbers', { n: 5 }).maxAffected(3), 400, { code: 'PGRST124', details: 'The query affects 5 rows' })
})
await check('delete', async () => {
  await answer(orders().delete().eq('id', 5), { status: 204, data: null, count: null })
  await answer(orders().delete({ count: 'exact' }).in('id', [6, 7, 99]), { status: 204, data: null, count: 2 })
  await answer(orders().delete().eq('id', 4).select('id, books(title)'), { status: 200, data: [{ id: 4, books: { title: 'Ants' } }] })
  await answer(orders().delete().eq('id', 99).select(), { status: 200, data: [] })
  await refused(ada.from('books').delete().eq('id', 1), 403, { code: '42501', message: 'permission denied for table books' })
})
await check('rollback', async () => {
  await answer(orders().insert({ id: 70 }).rollback(), { status: 201 })
  await rows(orders().select('id').eq('id', 70), [])
})
await check('csv of what was written', () => answer(orders().insert({ id: 71, note: 'a,b' }).select('id, note').csv(), { status: 201, data: 'id,note\n71,"a,b"' }))

// Row-level security.
await check('grants', async () => {
  await refused(anon.from('orders').insert({}), 401, { code: '42501', message: 'permission denied for table orders', details: null, hint: /grant/i })
  await refused(ada.from('books').insert({ id: 9, title: 'x', author_id: 1 }), 403, { code: '42501', message: 'permission denied for table books', hint: /grant/i })
})
await check('row-level security', async () => {
  const mine = await data(ada.from('diary').insert({ day: 1 }).select().single())
  await rows(eve.from('diary').select(), [])
  await rows(anon.from('diary').select(), [])
  await answer(eve.from('diary').update({ day: 2 }, { count: 'exact' }).eq('id', mine.id), { status: 204, count: 0 })
  await answer(eve.from('diary').delete().eq('id', mine.id).select(), { status: 200, data: [] })
  await refused(eve.from('diary').insert({ day: 1, owner: mine.owner }), 403, { code: '42501', message: 'new row violates row-level security policy for table "diary"', details: null })
  await refused(eve.from('diary').upsert({ day: 1, owner: mine.owner }, { onConflict: 'owner,day' }), 403, { code: '42501' })
  await answer(admin.from('diary').select('day', { count: 'exact' }).eq('owner', mine.owner), { status: 200, count: 1, data: [{ day: 1 }] })
  await answer(admin.from('diary').update({ day: 3 }).eq('id', mine.id).select('day'), { status: 200, data: [{ day: 3 }] })
  await rows(client(process.env.SERVICE_ROLE_KEY).from('diary').select('id').eq('id', mine.id), [{ id: mine.id }])
})

// Functions.
await check('rpc with arguments', async () => {
  await answer(anon.rpc('add', { a: 1, b: 2 }), { status: 200, data: 3 })
  await answer(anon.rpc('add', { a: 1 }, { get: true }), { status: 200, data: 11 })
  await answer(anon.rpc('over', { a: 1 }), { data: 'int' })
  await answer(anon.rpc('over', { a: 1, b: 2 }), { data: 'ints' })
  await answer(anon.rpc('sums', { among: [1, 2, 3] }), { data: [{ total: 6, n: 3 }] })
  await answer(anon.rpc('sums', { among: [1, 2, 3] }, { get: true }).select('total').single(), { data: { total: 6 } })
  await answer(anon.rpc('echo', { x: [1, { y: null }] }), { data: { x: [1, { y: null }] } })
  await answer(anon.rpc('joined', { words: ['a', 'b'] }), { data: 'a-b' })
})
await check('rpc of nothing, null, one and many', async () => {
  await answer(anon.rpc('nothing_to_say'), { status: 204, data: null })
  await answer(anon.rpc('one_null'), { status: 200, data: null })
  await answer(anon.rpc('pair'), { status: 200, data: { a: 1, b: 'x' } })
  await answer(anon.rpc('numbers', { n: 3 }), { status: 200, data: [1, 2, 3] })
  await answer(anon.rpc('one_book', { book: 1 }).select('id, title'), { status: 200, data: { id: 1, title: 'Ants' } })
})
await check('rpc like a table', async () => {
  const all = (options) => anon.rpc('all_books', {}, options)
  await rows(all().select('title, authors!author_id(name), reviews(stars)').gt('id', 3).order('id', { ascending: false }).limit(1), [{ title: 'Eels', authors: { name: 'Cid' }, reviews: [] }])
  await rows(all({ get: true }).select('id').eq('binding', 'cloth').order('id').range(0, 0), [{ id: 2 }])
  await answer(all({ count: 'exact' }).select('id').gt('id', 1).order('id').limit(2), { status: 206, count: 4, data: [{ id: 2 }, { id: 3 }] })
  await answer(all({ head: true, count: 'exact' }), { status: 200, data: null, count: 5 })
  await answer(all({ count: 'exact' }).select('id').eq('id', 1).maybeSingle(), { count: 1, data: { id: 1 } })
  await refused(all().select('id').single(), 406, { code: 'PGRST116', details: 'The result contains 5 rows' })
  await answer(all().select('id,title').eq('id', 1).csv(), { status: 200, data: 'id,title\n1,Ants' })
  await answer(anon.rpc('objects', { o: { lang: 'en' } }, { head: true, count: 'exact' }), { status: 200, count: 2 })
})
await check('rpc that writes', async () => {
  await rows(ada.rpc('order_now', { code: 'by rpc' }).select('code, item'), [{ code: 'by rpc', item: 'nothing' }])
  await refused(ada.rpc('order_now', { code: 'by get' }, { get: true }), 405, { code: '25006', message: 'cannot execute INSERT in a read-only transaction' })
  await refused(anon.rpc('order_now', { code: 'by anon' }), 401, { code: '42501', message: 'permission denied for table orders' })
})
await check('rpc refused', async () => {
  await refused(anon.rpc('nothing_like_it', { a: 1 }), 404, { code: 'PGRST202', message: 'Could not find the function public.nothing_like_it(a) in the schema cache', details: 'Searched for the function public.nothing_like_it with parameter a or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.' })
  await refused(anon.rpc('add', { a: 1, c: 2 }), 404, { code: 'PGRST202', message: 'Could not find the function public.add(a, c) in the schema cache', hint: 'Perhaps you meant to call the function public.add(a, b)' })
  await refused(anon.rpc('refuse'), 418, { code: 'PT418', message: 'out of it', details: 'why', hint: 'tea' })
  await refused(anon.rpc('raised'), 400, { code: 'P0001', message: 'plainly', details: null, hint: 'so' })
  await answer(anon.rpc('teapot'), { status: 202, data: 'ok' })
})
await check('abortSignal cancels the query', async () => {
  const lock = Math.floor(Math.random() * 1e9)
  const sleeping = async () => data(admin.rpc('sleeping', { lock }))
  const until = async (want) => {
    for (const end = Date.now() + 5000; (await sleeping()) !== want;) assert.ok(Date.now() < end, `sleeping is not ${want}`)
  }
  const leave = new AbortController()
  const call = admin.rpc('sleeps', { lock }).abortSignal(leave.signal).then((got) => got)
  await until(true)
  leave.abort()
  const { error, status } = await call
  assert.deepEqual([status, error.hint], [0, 'Request was aborted (timeout or manual cancellation)'])
  await until(false)
})

finish()
