// A fetch that connects to one address whatever the URL's host is, and sends that host. Node does not resolve
// "<ref>.localhost", and its fetch sends no Host header of one's own.
import http from 'node:http'

export function fetchAt(address) {
  const { hostname, port } = new URL(address)
  return (input, init) => {
    const request = new Request(input, init)
    const { host, pathname, search } = new URL(request.url)
    return new Promise((resolve, reject) => {
      const headers = { ...Object.fromEntries(request.headers), host }
      const outgoing = http.request({ hostname, port, path: pathname + search, method: request.method, headers }, (incoming) => {
        const chunks = []
        incoming.on('data', (chunk) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const received = new Headers()
          for (const [name, values] of Object.entries(incoming.headersDistinct)) for (const value of values) received.append(name, value)
          const empty = [204, 205, 304].includes(incoming.statusCode) || request.method === 'HEAD'
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status: incoming.statusCode, statusText: incoming.statusMessage, headers: received }))
        })
      })
      outgoing.on('error', reject)
      const stop = () => {
        outgoing.destroy()
        reject(request.signal.reason)
      }
      request.signal.addEventListener('abort', stop)
      if (request.signal.aborted) return stop()
      request.arrayBuffer().then((body) => {
        if (body.byteLength) outgoing.setHeader('content-length', body.byteLength) // Node frames no body of a DELETE by itself
        outgoing.end(Buffer.from(body))
      }, reject)
    })
  }
}
