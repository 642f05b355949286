// What the scripts share: clients of a project, checks that print one line each ("ok NAME" or "FAILED NAME: why"), and
// answers compared part by part. The clients are as they are published; their fetch waits where too many requests are made.
//
//   PROJECT_URL, PUBLISHABLE_KEY, SECRET_KEY, ANON_KEY, SERVICE_ROLE_KEY, and ADDRESS to connect elsewhere than PROJECT_URL says
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'
import { fetchAt } from './host_fetch.mjs'

const { PROJECT_URL, ADDRESS } = process.env
export const mark = Math.random().toString(36).slice(2, 10)
const request = ADDRESS ? fetchAt(ADDRESS) : fetch

/** patient is a fetch that waits as long as a limit of requests says. A stream, which can be read once, is kept for the next try. */
export async function patient(input, init) {
  let rest = init?.body
  if (rest && typeof rest.pipe === 'function') rest = Readable.toWeb(rest)
  for (;;) {
    let sent = init
    if (rest instanceof ReadableStream) {
      const [now, again] = rest.tee()
      sent = { ...init, body: now }
      rest = again
    }
    const answer = await request(input, sent)
    if (answer.status !== 429) return answer
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get('Retry-After') ?? 1)))
  }
}

export function client(key, options = {}) {
  return createClient(PROJECT_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    realtime: { transport: ws },
    global: { fetch: patient },
    ...options,
  })
}

let failed = 0
export async function check(name, run) {
  try {
    await run()
    console.log(`ok ${name}`)
  } catch (error) {
    failed++
    console.log(`FAILED ${name}: ${String(error?.message ?? error).replaceAll('\n', ' ')}`)
  }
}

/** finish ends the script, with 1 when a check failed. */
export const finish = () => process.exit(failed ? 1 : 0)

/** data requires a call to succeed and returns its data. */
export async function data(call) {
  const { data, error } = await call
  assert.equal(error, null, JSON.stringify(error))
  return data
}

/** rows requires a call to answer with these data. */
export async function rows(call, want) {
  assert.deepEqual(await data(call), want)
}

/** answer requires the given parts of an answer (data, count, status, …), and no error. */
export async function answer(call, want) {
  const got = await call
  assert.equal(got.error, null, JSON.stringify(got.error))
  for (const [part, value] of Object.entries(want)) assert.deepEqual(got[part], value, `${part}: ${JSON.stringify(got[part])}`)
}

/** refused requires an error of this status with the given parts, and the four fields that PostgREST's errors have. */
export async function refused(call, status, want) {
  const got = await call
  assert.equal(got.data, null, `data: ${JSON.stringify(got.data)}`)
  assert.deepEqual(Object.keys(got.error).sort(), ['code', 'details', 'hint', 'message'], JSON.stringify(got.error))
  for (const [part, value] of Object.entries(want)) {
    if (value instanceof RegExp) assert.match(String(got.error[part]), value)
    else assert.deepEqual(got.error[part], value, `${part}: ${JSON.stringify(got.error)}`)
  }
  assert.equal(got.status, status, `status: ${got.status} ${JSON.stringify(got.error)}`)
}
