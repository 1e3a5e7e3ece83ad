import { createRequire } from 'node:module'
import { test } from 'node:test'
import runtime from 'relay-runtime'
import { headers, registration, url } from './magistrate.mjs'
import { List, mounted, ONLY, Screen, Shown, walk } from './screen.mjs'

const { createElement: h, Suspense } = await import('react')
const { default: relay } = await import('react-relay')
const { RelayEnvironmentProvider, useFragment, useLazyLoadQuery, useMutation } = relay
const { Environment, Network, RecordSource, Store } = runtime
const require = createRequire(`${process.env.COMPILED}/`)
const compiled = (name) => require(`./${name}.graphql.js`)

async function ask({ text: query }, variables) {
  const sent = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ query, variables }) }
  return (await fetch(url, sent)).json()
}

const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) })
const MUTATIONS = {
  updateModelVersion: compiled('screenUpdateMutation'),
  retireModelVersion: compiled('screenRetireMutation'),
}

function Versions({ modelId, onShow }) {
  const { model } = useLazyLoadQuery(compiled('screenVersionsQuery'), { modelId })
  return h(List, { versions: model.versions.nodes, onShow })
}

function Detail({ modelId, version }) {
  const { modelVersion } = useLazyLoadQuery(compiled('screenDetailQuery'), { modelId, version, only: ONLY })
  const shown = useFragment(compiled('screen_shown'), modelVersion)
  const sent = Object.fromEntries(Object.entries(MUTATIONS).map(([name, document]) => [name, useMutation(document)[0]]))
  return h(Shown, { shown, onAct: (name, input) => sent[name]({ variables: { input, only: ONLY } }) })
}

test('a screen of Relay builds its buttons from actions', async () => {
  const text = 'mutation ($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }'
  await ask({ text }, { input: registration('screen-relay') })
  const screen = h(Suspense, { fallback: 'asking' }, h(Screen, { modelId: 'screen-relay', Versions, Detail }))
  await walk(mounted(h(RelayEnvironmentProvider, { environment }, screen)))
})
