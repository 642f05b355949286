// Reads with every method of postgrest-js that reads: select, embeds, filters, order, windows, formats. The tables are rest.sql's.
import assert from 'node:assert/strict'
import { answer, check, client, data, finish, refused, rows } from './harness.mjs'

const anon = client(process.env.PUBLISHABLE_KEY)
const books = (columns = 'id', options) => anon.from('books').select(columns, options)
const ids = async (call, ...want) => assert.deepEqual((await data(call.order('id'))).map((row) => row.id), want)

// Columns.
await check('select of everything', async () => {
  const row = await data(books('*').eq('id', 1).single())
  assert.deepEqual(Object.keys(row), ['id', 'title', 'author_id', 'editor_id', 'pages', 'price', 'in_print', 'binding', 'published', 'tags', 'meta',
    'edition', 'on_sale', 'about', 'about_words'])
  assert.deepEqual([row.price, row.in_print, row.tags, row.edition, row.on_sale, row.published, row.meta.size.w],
    [9.5, true, ['nature', 'small'], '[1,5)', '["2024-01-01 08:00:00","2024-01-01 12:00:00")', '2001-01-01', 10])
})
await check('select without columns', () => answer(anon.from('genres').select().eq('id', 1), { status: 200, statusText: 'OK', count: null, data: [{ id: 1, name: 'science' }] }))
await check('aliases, casts and white space', () => rows(books('key : id, name:title, pages :: text').eq('id', 1), [{ key: 1, name: 'Ants', pages: '100' }]))
await check('json paths', () => rows(books('meta->size->w, lang:meta->>lang, first:meta->keys->0, last:meta->keys->>-1').eq('id', 1), [{ w: 10, lang: 'en', first: 'a', last: 'b' }]))
await check('composite and array paths', () => rows(books('tags->0').eq('id', 1), [{ tags: 'nature' }]))
await check('computed columns', () => rows(books('title_and_pages').eq('title_and_pages', 'Ants 100'), [{ title_and_pages: 'Ants 100' }]))
await check('views', () => ids(anon.from('long_books').select('id'), 4, 5))
await check('names of other scripts', async () => {
  const table = () => anon.from('schöne Bücher')
  await rows(table().select('"Titel ü", "a.b", 名前, "say \\"x\\""').eq('id', 1), [{ 'Titel ü': 'Äpfel', 'a.b': 'x,y', 名前: '本', 'say "x"': 'z' }])
  await rows(table().select('id').eq('Titel ü', 'Öl'), [{ id: 2 }])
  await rows(table().select('id').eq('"a.b"', 'x,y'), [{ id: 1 }])
  await rows(table().select('名前').order('名前', { ascending: false }), [{ 名前: '海' }, { 名前: '本' }].sort((a, b) => (a.名前 < b.名前 ? 1 : -1)))
  await rows(table().select('id').or('"a.b".eq."x,y",名前.eq.海').order('id'), [{ id: 1 }, { id: 2 }])
})

// Embeds.
await check('embed of one, by column, constraint and alias', async () => {
  await rows(books('title, authors!author_id(name)').eq('id', 1), [{ title: 'Ants', authors: { name: 'Ann' } }])
  await rows(books('by:authors!books_author_id_fkey(name), ed:authors!books_editor_id_fkey(name)').in('id', [1, 2]).order('id'),
    [{ by: { name: 'Ann' }, ed: { name: 'Bob' } }, { by: { name: 'Ann' }, ed: null }])
  await rows(books('author_id(name)').eq('id', 1), [{ author_id: { name: 'Ann' } }])
})
await check('embed of many', () => rows(books('title, reviews(stars)').in('id', [1, 3]).order('id').order('stars', { referencedTable: 'reviews' }),
  [{ title: 'Ants', reviews: [{ stars: 3 }, { stars: 4 }, { stars: 5 }] }, { title: 'Crows, and "more"', reviews: [] }]))
await check('embed across a junction', () => rows(books('genres(name)').eq('id', 1).order('name', { referencedTable: 'genres' }), [{ genres: [{ name: 'fun' }, { name: 'science' }] }]))
await check('embed across a junction that is named', () => rows(anon.from('genres').select('books!book_genres(title)').eq('id', 2).order('id', { referencedTable: 'books' }),
  [{ books: [{ title: 'Ants' }, { title: 'Dogs (big)' }] }]))
await check('embed one to one', () => rows(books('covers(url)').in('id', [1, 2]).order('id'), [{ covers: { url: 'ants.png' } }, { covers: null }]))
await check('embed nested', () => rows(anon.from('authors').select('name, books!author_id(title, reviews(stars), covers(*))').eq('id', 2).order('id', { referencedTable: 'books' }),
  [{ name: 'Bob', books: [{ title: 'Crows, and "more"', reviews: [], covers: null }, { title: 'Dogs (big)', reviews: [{ stars: 5 }], covers: { book_id: 4, url: 'dogs.png' } }] }]))
await check('embed of a view', () => rows(anon.from('long_books').select('title, author:authors!author_id(name)').eq('id', 5), [{ title: 'Eels', author: { name: 'Cid' } }]))
await check('embed of a computed relationship', () => rows(books('best_reviews(stars)').in('id', [1, 3]).order('id'), [{ best_reviews: { stars: 5 } }, { best_reviews: null }]))
await check('embed of the table itself', async () => {
  const staff = (columns) => anon.from('staff').select(columns)
  await rows(staff('name, boss(name, boss(name))').eq('id', 3), [{ name: 'Low', boss: { name: 'Mid', boss: { name: 'Top' } } }])
  await rows(staff('name, team:staff!boss(name)').in('id', [1, 3]).order('id'), [{ name: 'Top', team: [{ name: 'Mid' }] }, { name: 'Low', team: [] }])
  await rows(anon.from('staff_names').select('called, lead(called)').order('id').limit(2), [{ called: 'Top', lead: null }, { called: 'Mid', lead: { called: 'Top' } }])
})
await check('embed by a key of two columns, of a partitioned table', async () => {
  await rows(anon.from('events').select('*, event_notes(words)'), [{ id: 1, at: '2024-05-05', event_notes: [{ words: 'n' }] }])
  await rows(anon.from('event_notes').select('words, events(id)'), [{ words: 'n', events: { id: 1 } }])
  await refused(anon.from('events_2024').select(), 404, { code: 'PGRST205' })
})
await check('embed spread of many through many', () => rows(books('title, ...reviews(...books(again:title))').eq('id', 1), [{ title: 'Ants', again: ['Ants', 'Ants', 'Ants'] }]))
await check('!inner keeps rows that have one', async () => {
  await ids(books('id, reviews!inner(stars)'), 1, 2, 4)
  await ids(books('id, reviews!inner(stars)').eq('reviews.stars', 5), 1, 4)
  await ids(books('id, r:reviews!inner(stars)').eq('r.stars', 1), 2)
  await ids(books('id, authors!books_author_id_fkey!inner(name)').eq('authors.name', 'Cid'), 5)
  await ids(books('id, genres!inner()').eq('genres.name', 'fun'), 1, 4)
})
await check('!left keeps all', () => ids(books('id, reviews!left(stars)').eq('reviews.stars', 5), 1, 2, 3, 4, 5))
await check('filters by the presence of an embed', async () => {
  await ids(books('id, reviews()').is('reviews', null), 3, 5)
  await ids(books('id, reviews()').not('reviews', 'is', null), 1, 2, 4)
  await ids(books('id, reviews(), covers()').or('reviews.not.is.null,covers.not.is.null'), 1, 2, 4)
})
await check('spread', async () => {
  await rows(books('title, ...authors!author_id(author:name, country)').eq('id', 1), [{ title: 'Ants', author: 'Ann', country: 'DE' }])
  await rows(books('title, ...reviews(stars)').eq('id', 1).order('stars', { referencedTable: 'reviews' }), [{ title: 'Ants', stars: [3, 4, 5] }])
})
await check('count in embeds', () => rows(books('id, reviews(count)').in('id', [1, 3]).order('id'), [{ id: 1, reviews: [{ count: 3 }] }, { id: 3, reviews: [{ count: 0 }] }]))
await check('filters, order and window of an embed', async () => {
  await rows(books('reviews(id)').eq('id', 1).gte('reviews.stars', 4).order('id', { referencedTable: 'reviews', ascending: false }), [{ reviews: [{ id: 3 }, { id: 1 }] }])
  await rows(books('reviews(id)').eq('id', 1).order('id', { foreignTable: 'reviews' }).limit(1, { foreignTable: 'reviews' }), [{ reviews: [{ id: 1 }] }])
  await rows(books('r:reviews(id)').eq('id', 1).order('id', { referencedTable: 'r' }).range(1, 2, { referencedTable: 'r' }), [{ r: [{ id: 2 }, { id: 3 }] }])
  await rows(books('reviews(id)').eq('id', 1).or('stars.eq.5,words.is.null', { referencedTable: 'reviews' }).order('id', { referencedTable: 'reviews' }), [{ reviews: [{ id: 1 }, { id: 3 }] }])
  await rows(anon.from('authors').select('books!author_id(reviews(id))').eq('id', 1).eq('books.id', 1).gt('books.reviews.stars', 4), [{ books: [{ reviews: [{ id: 1 }] }] }])
})
await check('order by an embed', async () => {
  await rows(books('id, authors!author_id(name)').order('authors(name)', { ascending: false }).order('id').limit(2), [{ id: 5, authors: { name: 'Cid' } }, { id: 3, authors: { name: 'Bob' } }])
})
await check('an ambiguous embed is refused', () => refused(books('authors(name)'), 300, {
  code: 'PGRST201', message: "Could not embed because more than one relationship was found for 'books' and 'authors'",
  hint: /^Try changing 'authors' to one of the following: 'authors!books_author_id_fkey', 'authors!books_editor_id_fkey'\. Find the desired relationship in the 'details' key\.$/,
  details: [
    { cardinality: 'many-to-one', embedding: 'books with authors', relationship: 'books_author_id_fkey using books(author_id) and authors(id)' },
    { cardinality: 'many-to-one', embedding: 'books with authors', relationship: 'books_editor_id_fkey using books(editor_id) and authors(id)' },
  ],
}))
await check('an embed of what is not related is refused', () => refused(books('secrets(*)'), 400, {
  code: 'PGRST200', message: "Could not find a relationship between 'books' and 'secrets' in the schema cache",
  details: "Searched for a foreign key relationship between 'books' and 'secrets' in the schema 'public', but no matches were found.",
}))
await check('a filter of what is not embedded is refused', () => refused(books('id').eq('reviews.stars', 5), 400, {
  code: 'PGRST108', message: "'reviews' is not an embedded resource in this request", hint: "Verify that 'reviews' is included in the 'select' query parameter.", details: null,
}))

// Filters.
await check('eq neq gt gte lt lte', async () => {
  await ids(books().eq('title', 'Bees'), 2)
  await ids(books().eq('title', 'Crows, and "more"'), 3)
  await ids(books().neq('binding', 'paper'), 2, 3)
  await ids(books().gt('pages', 400), 5)
  await ids(books().gte('pages', 400), 4, 5)
  await ids(books().lt('price', 19), 1)
  await ids(books().lte('published', '2002-02-02'), 1, 2)
})
await check('like and ilike', async () => {
  await ids(books().like('title', '%ee%'), 2)
  await ids(books().like('title', 'E%'), 5)
  await ids(books().ilike('title', 'e%'), 5)
  await ids(books().likeAllOf('title', ['%e%', '%s']), 2, 5)
  await ids(books().likeAnyOf('title', ['A%', 'B%']), 1, 2)
  await ids(books().ilikeAllOf('title', ['%E%', 'b%']), 2)
  await ids(books().ilikeAnyOf('title', ['a%', '%(BIG)']), 1, 4)
})
await check('regexMatch and regexIMatch', async () => {
  await ids(books().regexMatch('title', '^[A-B]'), 1, 2)
  await ids(books().regexIMatch('title', '^(ants|eels)$'), 1, 5)
})
await check('is and isDistinct', async () => {
  await ids(books().is('in_print', true), 1, 4, 5)
  await ids(books().is('in_print', false), 2)
  await ids(books().is('in_print', null), 3)
  await ids(books().isDistinct('in_print', true), 2, 3)
})
await check('in and notIn', async () => {
  await ids(books().in('id', [1, 3, 99]), 1, 3)
  await ids(books().in('title', ['Crows, and "more"', 'Dogs (big)', 'Eels']), 4, 5) // postgrest-js escapes no quotes
  await ids(books().in('binding', ['cloth']), 2, 3)
  await ids(books().in('id', []))
  await ids(books().notIn('id', [1, 2]), 3, 4, 5)
  await ids(books().not('id', 'in', '(1,2,3)'), 4, 5)
})
await check('contains, containedBy and overlaps', async () => {
  await ids(books().contains('tags', ['nature']), 1, 2)
  await ids(books().contains('tags', ['two words']), 4)
  await ids(books().containedBy('tags', ['nature', 'small']), 1, 2, 3)
  await ids(books().overlaps('tags', ['small', 'water']), 1, 5)
  await ids(books().contains('meta', { lang: 'en' }), 1, 4)
  await ids(books().contains('meta', { size: { w: 1 } }), 4)
  await ids(books().containedBy('meta', { lang: 'de', x: 1 }), 2, 5)
  await ids(books().contains('edition', '[2,4)'), 1)
  await ids(books().containedBy('edition', '[0,12)'), 1, 2)
  await ids(books().overlaps('edition', '[4,6)'), 1, 2)
})
await check('ranges', async () => {
  await ids(books().rangeGt('edition', '[1,5)'), 2, 4, 5)
  await ids(books().rangeGte('edition', '[5,10)'), 2, 4, 5)
  await ids(books().rangeLt('edition', '[10,20)'), 1, 2)
  await ids(books().rangeLte('edition', '[1,10)'), 1, 2)
  await ids(books().rangeAdjacent('edition', '[1,5)'), 2)
  await ids(books().rangeAdjacent('on_sale', '[2024-01-01 18:00,2024-01-01 20:00)'), 2)
  await ids(books().overlaps('on_sale', '[2024-01-01 09:00,2024-01-01 13:00)'), 1, 2)
})
await check('textSearch', async () => {
  await ids(books().textSearch('about_words', 'fox & brown'), 1)
  await ids(books().textSearch('about_words', "'cat' & 'mat'", { config: 'english' }), 2)
  await ids(books().textSearch('about_words', 'brown fox', { type: 'plain', config: 'english' }), 1)
  await ids(books().textSearch('about_words', 'quick brown', { type: 'phrase', config: 'english' }), 1)
  await ids(books().textSearch('about_words', 'cat -mat or fox', { type: 'websearch' }), 1, 3)
  await ids(books().textSearch('about', 'foxes', { type: 'plain', config: 'english' }), 1, 3)
})
await check('match, filter, not and or', async () => {
  await ids(books().match({ author_id: 2, binding: 'paper' }), 4)
  await ids(books().filter('pages', 'gte', 400), 4, 5)
  await ids(books().filter('title', 'in', '("Crows, and \\"more\\"","Ants")'), 1, 3)
  await ids(books().filter('title', 'like(any)', '{A*,B*}'), 1, 2)
  await ids(books().not('pages', 'gte', 400), 1, 2, 3)
  await ids(books().not('tags', 'cs', '{nature}'), 3, 4, 5)
  await ids(books().not('title', 'ilike', '%e%'), 1, 4)
  await ids(books().or('id.eq.1,and(pages.gte.400,not.and(price.gt.45,in_print.is.true))'), 1, 4)
  await ids(books().or('title.eq."Crows, and \\"more\\"",tags.cs.{water},id.in.(1,2)'), 1, 2, 3, 5)
  await ids(books().or('id.eq.1,id.eq.2').or('binding.eq.cloth'), 2)
})
await check('filters within json', async () => {
  await ids(books().eq('meta->>lang', 'en'), 1, 4)
  await ids(books().gt('meta->size->w', 1), 1)
  await ids(books().is('meta->>lang', null), 3, 5)
  await ids(books().eq('meta->keys->>0', 'a'), 1)
})

// Order and windows.
const keys = async (call, ...want) => assert.deepEqual((await data(call)).map((row) => row.id), want)
await check('order', async () => {
  await keys(books().order('id', { ascending: false }), 5, 4, 3, 2, 1)
  await keys(books().order('price', { nullsFirst: true }), 3, 1, 2, 4, 5)
  await keys(books().order('price', { ascending: false, nullsFirst: false }), 5, 4, 2, 1, 3)
  await keys(books().order('binding').order('id', { ascending: false }), 5, 4, 1, 3, 2)
  await keys(books().order('meta->>lang', { nullsFirst: false }).order('id'), 2, 1, 4, 3, 5)
})
await check('limit and range', async () => {
  await keys(books().order('id').limit(2), 1, 2)
  await keys(books().order('id').range(1, 2), 2, 3)
  await answer(books().limit(0), { status: 200, data: [] })
  await answer(books().order('id').range(10, 20), { status: 200, data: [] })
  await answer(books('id', { count: 'exact' }).order('id').range(3, 9), { status: 206, count: 5, data: [{ id: 4 }, { id: 5 }] })
  await refused(books('id', { count: 'exact' }).range(10, 20), 416, { code: 'PGRST103', message: 'Requested range not satisfiable', details: 'An offset of 10 was requested, but there are only 5 rows.', hint: null })
})
await check('counts', async () => {
  await answer(books('*', { count: 'exact', head: true }), { status: 200, count: 5, data: null })
  await answer(books('*', { count: 'exact', head: true }).gt('id', 3), { status: 200, count: 2, data: null })
  await answer(books('*', { count: 'exact', head: true }).gt('id', 9), { status: 200, count: 0, data: null })
  await answer(books('id', { count: 'exact' }).order('id').limit(1), { status: 206, count: 5, data: [{ id: 1 }] })
  await answer(books('id, reviews!inner()', { count: 'exact', head: true }).eq('reviews.stars', 5), { status: 200, count: 2 })
  await answer(books('*', { count: 'estimated', head: true }), { status: 200, count: 5, data: null })
  await answer(books('*', { count: 'planned', head: true }), { status: 200, count: 5, data: null })
})

// One row, other formats.
await check('single and maybeSingle', async () => {
  await answer(books().eq('id', 1).single(), { status: 200, data: { id: 1 } })
  await answer(books().eq('id', 1).maybeSingle(), { status: 200, data: { id: 1 } })
  await answer(books().eq('id', 99).maybeSingle(), { status: 200, data: null })
  const several = { code: 'PGRST116', message: 'Cannot coerce the result to a single JSON object', hint: null }
  await refused(books().eq('id', 99).single(), 406, { ...several, details: 'The result contains 0 rows' })
  await refused(books().single(), 406, { ...several, details: 'The result contains 5 rows' })
  await refused(books().maybeSingle(), 406, { code: 'PGRST116', message: 'JSON object requested, multiple (or no) rows returned' })
})
await check('csv', async () => {
  await answer(books('id, title, price, tags, in_print').in('id', [1, 3]).order('id').csv(), { status: 200, data: 'id,title,price,tags,in_print\n1,Ants,9.50,"{nature,small}",t\n3,"Crows, and ""more""",,{},' })
  await answer(books('id').eq('id', 99).csv(), { status: 200 })
})
await check('stripNulls', async () => {
  await rows(books('id, price').eq('id', 3).stripNulls(), [{ id: 3 }])
  await rows(books('id, price, covers(url)').eq('id', 3).stripNulls().single(), { id: 3 })
})
await check('geojson without PostGIS is refused', () => refused(books().geojson(), 404, { code: '42883', message: 'function st_asgeojson(record) does not exist' }))
await check('explain is refused until it is enabled', () => refused(books().explain(), 406, { code: 'PGRST107', message: /^None of these media types are available: application\/vnd\.pgrst\.plan\+text/ }))
await check('aggregates are refused until they are enabled', () => refused(books('pages.sum()'), 400, { code: 'PGRST123', message: 'Use of aggregate functions is not allowed', details: null, hint: null }))

// Refusals.
await check('refusals name what is not there', async () => {
  await refused(anon.from('boks').select(), 404, { code: 'PGRST205', message: "Could not find the table 'public.boks' in the schema cache", details: null, hint: "Perhaps you meant the table 'public.books'" })
  await refused(books('nothing'), 400, { code: '42703', message: 'column books.nothing does not exist', details: null })
  await refused(books().eq('nothing', 1), 400, { code: '42703', message: 'column books.nothing does not exist' })
  await refused(books().order('nothing'), 400, { code: '42703', message: 'column books.nothing does not exist' })
  await refused(books('reviews(nothing)'), 400, { code: '42703', message: 'column reviews_1.nothing does not exist' })
  await refused(anon.schema('other').from('things').select(), 406, { code: 'PGRST106', message: 'Invalid schema: other', hint: 'Only the following schemas are exposed: public', details: null })
})
await check('refusals of values and of what cannot be read', async () => {
  await refused(books().eq('id', 'x'), 400, { code: '22P02', message: 'invalid input syntax for type integer: "x"', details: null, hint: null })
  await refused(books().filter('id', 'nope', 1), 400, { code: 'PGRST100', message: '"failed to parse filter (nope.1)" (line 1, column 1)', hint: null })
  await refused(books('id,,title'), 400, { code: 'PGRST100', message: /^"failed to parse select parameter \(id,,title\)" \(line 1, column 4\)$/ })
  await refused(books().or('id.eq'), 400, { code: 'PGRST100' })
  await refused(books().eq('binding', 'gold'), 400, { code: '22P02', message: 'invalid input value for enum binding: "gold"' })
  await refused(books().like('pages', '1%'), 404, { code: '42883', message: 'operator does not exist: integer ~~ unknown', hint: /^No operator matches/ })
})
await check('a table without a grant', () => refused(anon.from('secrets').select(), 401, { code: '42501', message: 'permission denied for table secrets', details: null }))
await check('throwOnError', async () => {
  await assert.rejects(async () => books('nothing').throwOnError(), (error) => error.name === 'PostgrestError' && error.code === '42703')
  assert.deepEqual((await books().eq('id', 1).throwOnError()).data, [{ id: 1 }])
})
await check('long URLs', async () => {
  const many = Array.from({ length: 2500 }, (_, n) => 100000 + n)
  await ids(books().in('id', [...many, 5]), 5)
})
await check('other ways of asking', async () => {
  const strict = await books().eq('id', 1).setHeader('Prefer', 'handling=strict, nothing=x')
  assert.deepEqual([strict.status, strict.error.code, strict.error.details], [400, 'PGRST122', 'Invalid preferences: nothing=x'])
  await rows(books().eq('id', 1).retry(false).returns(), [{ id: 1 }])
  await rows(books().eq('id', 1).overrideTypes(), [{ id: 1 }])
  await rows(client(process.env.ANON_KEY).from('genres').select('id').eq('id', 1), [{ id: 1 }])
})

finish()
