// OpenID Connect's provider of somebody else's, `oidc-provider`, on this machine:
//   node provider.mjs --port N --folder F --redirect URI --after-logout URI [--secret S] [--as ACCOUNT]
// The folder holds accounts.json (claims by account, read at each use), and what outlives the process: keys, and what was issued.
// With --secret its client is a confidential one; with --as everybody is that account, and is not asked.
// POST /control/rotate replaces the signing key; POST /control/revoke?account=A forgets the sessions and tokens of an account.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import Provider from 'oidc-provider'

const names = ['port', 'folder', 'redirect', 'after-logout', 'secret', 'as']
const { values: given } = parseArgs({ options: Object.fromEntries(names.map((each) => [each, { type: 'string' }])) })
const issuer = `http://localhost:${given.port}`
const DAY = 24 * 60 * 60

const read = (name, otherwise) => {
  const file = join(given.folder, name)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : otherwise
}
const keep = (name, value) => writeFileSync(join(given.folder, name), JSON.stringify(value))
const account = (id) => read('accounts.json', {})[id]

const issued = read('issued.json', {})

// https://github.com/panva/node-oidc-provider/blob/main/example/my_adapter.js says what an adapter does.
class Adapter {
  constructor(model) {
    this.prefix = `${model}:`
  }

  async upsert(id, payload) {
    issued[this.prefix + id] = payload
    keep('issued.json', issued)
  }

  async find(id) {
    return issued[this.prefix + id]
  }

  async findByUid(uid) {
    return Object.entries(issued).find(([key, { uid: its }]) => key.startsWith(this.prefix) && its === uid)?.[1]
  }

  async consume(id) {
    await this.upsert(id, { ...issued[this.prefix + id], consumed: Math.floor(Date.now() / 1000) })
  }

  async destroy(id) {
    delete issued[this.prefix + id]
    keep('issued.json', issued)
  }

  async revokeByGrantId(grantId) {
    forget((payload) => payload.grantId === grantId)
  }
}

const forget = (which) => {
  for (const [key, payload] of Object.entries(issued)) if (which(payload)) delete issued[key]
  keep('issued.json', issued)
}

const newKey = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }
}

const serving = (keys) => {
  keep('keys.json', keys)
  const provider = new Provider(issuer, {
    adapter: Adapter,
    jwks: { keys },
    clients: [{
      client_id: 'magistrate',
      redirect_uris: [given.redirect],
      post_logout_redirect_uris: [given['after-logout']],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      ...(given.secret ? { client_secret: given.secret } : { token_endpoint_auth_method: 'none' }),
    }],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'department', 'groups'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false, // the claims of the scopes stand in the ID token
    cookies: { keys: ['not secret: it serves tests'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => account(id) && { accountId: id, claims: () => ({ ...account(id), sub: id }) },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    // Longer than the clock of a test goes ahead.
    ttl: { AccessToken: DAY, AuthorizationCode: 60, Grant: DAY, IdToken: DAY, Interaction: DAY, RefreshToken: DAY, Session: DAY },
  })
  for (const each of ['server_error', 'authorization.error', 'grant.error']) provider.on(each, (_, error) => console.error(error))
  return { provider, keys, answer: provider.callback() }
}

const form = (said) => `<!doctype html><title>Sign in</title><p>${said}</p>
<form method="post">
<input name="account" autofocus> <button>Sign in</button> <button name="declines" value="yes">Go back</button>
</form>`

async function interact(request, response) {
  const { provider } = now
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (prompt.name === 'consent') {
    const known = grantId && (await provider.Grant.find(grantId))
    const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
    grant.addOIDCScope(params.scope)
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  }
  const said = new URLSearchParams(request.method === 'POST' ? await text(request) : { account: given.as ?? '' })
  if (said.has('declines')) return provider.interactionFinished(request, response, { error: 'access_denied' })
  const named = said.get('account')
  if (account(named)) return provider.interactionFinished(request, response, { login: { accountId: named } })
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(form(named ? 'Nobody has that account.' : 'Who are you?'))
}

let now = serving(read('keys.json', [newKey()]))

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer)
  try {
    if (pathname.startsWith('/interaction/')) return await interact(request, response)
    if (request.method !== 'POST' || !pathname.startsWith('/control/')) return await now.answer(request, response)
    if (pathname === '/control/rotate') now = serving([newKey()])
    if (pathname === '/control/revoke') forget((payload) => payload.accountId === searchParams.get('account'))
    response.end()
  } catch (error) {
    response.writeHead(400).end(String(error))
  }
}).listen(Number(given.port), '127.0.0.1')
