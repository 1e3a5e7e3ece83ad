import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient as overEvents } from 'graphql-sse'
import { createClient as overWebSocket } from 'graphql-ws'
import WebSocket from 'ws'
import { headers, registration, url } from './magistrate.mjs'

const CHANGED = 'subscription ($of: String!) { modelVersionChanged(modelId: $of) { modelId version } }'
const REGISTER = 'mutation ($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }'

const socket = (connectionParams, on) =>
  overWebSocket({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, on })

const clients = {
  'graphql-ws': () => socket(headers),
  'graphql-sse': () => overEvents({ url, headers, retryAttempts: 0 }),
}

for (const [name, connect] of Object.entries(clients)) {
  test(`${name} is told of what is committed, and ends when it wants to`, async () => {
    const client = connect(), modelId = `told-by-${name}`
    const changes = client.iterate({ query: CHANGED, variables: { of: modelId } })
    const first = changes.next()
    await new Promise((resolve) => setTimeout(resolve, 1000)) // nothing says when a subscription begins
    for await (const { errors } of client.iterate({ query: REGISTER, variables: { input: registration(modelId) } })) {
      assert.equal(errors, undefined)
    }
    assert.deepEqual((await first).value.data, { modelVersionChanged: { modelId, version: '1.0.0' } })
    assert.equal((await changes.return()).done, true)
    client.dispose()
  })
}

test('graphql-ws gets the code of what is refused, and the socket stays', async () => {
  const client = socket(headers)
  for (const [query, code] of [['subscription { auditEvents { seq } }', 'FORBIDDEN'], ['{ nothing }', 'INVALID_INPUT']]) {
    await assert.rejects(client.iterate({ query }).next(), ([error]) => error.extensions.code === code)
  }
  client.dispose()
})

test('graphql-ws is closed with 4403 when its token does not sign in', async () => {
  const client = socket({ authorization: 'Bearer none' })
  await assert.rejects(client.iterate({ query: '{ viewer { id } }' }).next(), (closed) => closed.code === 4403)
})
