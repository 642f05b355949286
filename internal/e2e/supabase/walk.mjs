// How walks of a client keep count: every public method of the client is called by its name through `walk`, so that at the end none is missing.

const walked = new Map() // method → "ok" or why not

/** walk runs one part of the walk, which proves the methods that it names. */
export async function walk(methods, run) {
  const names = methods.split(' ')
  try {
    await run()
    for (const name of names) if (walked.get(name) !== undefined && walked.get(name) !== 'ok') continue; else walked.set(name, 'ok')
    return true
  } catch (error) {
    for (const name of names) walked.set(name, String(error?.stack ?? error).replaceAll('\n', ' ').slice(0, 600))
    return false
  }
}

/** failure is why a method failed. */
export const failure = (method) => walked.get(method)

/** report prints a line for each public method of the client but the hidden ones, and ends with 1 when one fails or was not walked. */
export function report(objects, hidden) {
  let failed = false
  for (const [prefix, object] of Object.entries(objects)) {
    for (const name of methodsOf(object, hidden)) {
      const full = prefix + name
      const result = walked.get(full) ?? 'was not walked'
      walked.delete(full)
      failed ||= result !== 'ok'
      console.log(result === 'ok' ? `ok ${full}` : `FAILED ${full}: ${result}`)
    }
  }
  for (const [name, result] of walked) {
    failed = true
    console.log(`FAILED ${name}: ${result === 'ok' ? 'the client has no such method' : result}`)
  }
  process.exit(failed ? 1 : 0)
}

/** methodsOf lists the public methods of an object: own functions and those of its class. Names with _ are the client's own business. */
function methodsOf(object, hidden) {
  const names = new Set(Object.entries(object).filter(([, value]) => typeof value === 'function').map(([name]) => name))
  for (let p = Object.getPrototypeOf(object); p && p !== Object.prototype; p = Object.getPrototypeOf(p))
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(p))) if (typeof d.value === 'function') names.add(name)
  return [...names].filter((name) => !name.startsWith('_') && name !== 'constructor' && !hidden.includes(name)).sort()
}
