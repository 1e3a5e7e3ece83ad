// The audits of GraphQL over HTTP, as of before the specification's first edition.
import { serverAudits } from 'graphql-http'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headers, url } from './magistrate.mjs'

// They ask for 400 where the first edition recommends 422 under application/graphql-response+json.
const contradicted = {
  '423L': 'a request that is not well formed: 422',
  '86EE': 'variables that cannot be coerced: 422',
}
const signedIn = (to, asked) => fetch(to, { ...asked, headers: { ...asked?.headers, ...headers } })
const audits = serverAudits({ url, fetchFn: signedIn })

test('there are 61 audits', () => assert.equal(audits.length, 61))

for (const { id, name, fn } of audits) {
  test(`${id} ${name}${id in contradicted ? `, but ${contradicted[id]}` : ''}`, async () => {
    const { status, reason, response } = await fn()
    if (id in contradicted) assert.equal(response.status, 422)
    else assert.equal(status, 'ok', reason)
  })
}
