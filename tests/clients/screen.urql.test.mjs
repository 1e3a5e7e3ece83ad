import { cacheExchange, Client, fetchExchange, gql, Provider, useMutation, useQuery } from 'urql'
import { test } from 'node:test'
import { headers, registration, url } from './magistrate.mjs'
import { List, mounted, ONLY, Screen, Shown, walk } from './screen.mjs'

const { createElement: h } = await import('react')

const client = new Client({ url, fetchOptions: { headers }, preferGetMethod: false, exchanges: [cacheExchange, fetchExchange] })
const VERSIONS = gql`
  query Versions($modelId: String!) { model(modelId: $modelId) { id versions(first: 10) { nodes { id version status } } } }
`
const DETAIL = gql`
  query Detail($modelId: String!, $version: String!, $only: [String!]) {
    modelVersion(modelId: $modelId, version: $version) {
      id modelId version status restrictions
      actions(only: $only) { mutation allowed refusal { code message needs } }
    }
  }
`
// What a mutation answers with tells urql which queries to send again.
const MUTATIONS = {
  updateModelVersion: gql`
    mutation Update($input: UpdateModelVersionInput!) { updateModelVersion(input: $input) { modelVersion { id } } }
  `,
  retireModelVersion: gql`
    mutation Retire($input: RetireModelVersionInput!) { retireModelVersion(input: $input) { modelVersion { id } } }
  `,
}

function Versions({ modelId, onShow }) {
  const [{ data }] = useQuery({ query: VERSIONS, variables: { modelId } })
  return data && h(List, { versions: data.model.versions.nodes, onShow })
}

function Detail({ modelId, version }) {
  const [{ data }] = useQuery({ query: DETAIL, variables: { modelId, version, only: ONLY } })
  const sent = Object.fromEntries(Object.entries(MUTATIONS).map(([name, document]) => [name, useMutation(document)[1]]))
  return data && h(Shown, { shown: data.modelVersion, onAct: (name, input) => sent[name]({ input }) })
}

test('a screen of urql builds its buttons from actions', async () => {
  const register = gql`mutation ($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }`
  await client.mutation(register, { input: registration('screen-urql') }).toPromise()
  await walk(mounted(h(Provider, { value: client }, h(Screen, { modelId: 'screen-urql', Versions, Detail }))))
})
