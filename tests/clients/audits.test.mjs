// The audits of GraphQL over HTTP, as of before the specification's first edition (September 2026).
import { serverAudits } from 'graphql-http'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headers, url } from './magistrate.mjs'

// Two ask for 400, and the first edition contradicts them: these are its sentences, quoted from section 5.4, Status Codes.
const contradicted = {
  '423L': 'If the request is not a well-formed GraphQL-over-HTTP request, status code 422 SHOULD be used.',
  '86EE': "If the variable values cannot be coerced to match the operation's variable definitions, status code 422 SHOULD be used.",
}
const signedIn = (to, asked) => fetch(to, { ...asked, headers: { ...asked?.headers, ...headers } })
const audits = serverAudits({ url, fetchFn: signedIn })

test('there are 61 audits', () => assert.equal(audits.length, 61))

for (const { id, name, fn } of audits) {
  test(`${id} ${name}${id in contradicted ? `, but: "${contradicted[id]}"` : ''}`, async () => {
    const { status, reason, response } = await fn()
    if (id in contradicted) assert.equal(response.status, 422)
    else assert.equal(status, 'ok', reason)
  })
}
