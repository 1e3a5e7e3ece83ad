// GraphiQL over this server's own endpoints, signed in with a token that is forgotten with the tab.
import 'graphiql/graphiql.css'
import './page.css'
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { createClient } from 'graphql-ws'
import { useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'

const KEPT = 'magistrate:token'
const FIRST = '{\n  viewer {\n    id\n    stakeholder {\n      name\n    }\n  }\n}\n'
const here = new URL(location.pathname, location.origin)
const there = new URL(here)
there.protocol = here.protocol === 'https:' ? 'wss:' : 'ws:'

// Without a token nobody asks: each attempt would stand in the audit trail.
const nobody = async () => ({ errors: [{ message: 'Enter a token first: the field is at the top of the page.' }] })

function fetcherOf(token) {
  if (!token) return nobody
  const authorization = `Bearer ${token}`
  return createGraphiQLFetcher({
    url: here.href,
    headers: { authorization, accept: 'application/graphql-response+json' },
    wsClient: createClient({ url: there.href, connectionParams: { authorization } }),
  })
}

function Page() {
  const [token, setToken] = useState(sessionStorage.getItem(KEPT) ?? '')
  const fetcher = useMemo(() => fetcherOf(token), [token])

  function signIn(event) {
    event.preventDefault()
    const given = new FormData(event.target).get('token').trim()
    sessionStorage.setItem(KEPT, given)
    setToken(given)
  }

  return (
    <>
      <form className="sign-in" onSubmit={signIn}>
        <label htmlFor="token">Token</label>
        <input id="token" name="token" type="password" defaultValue={token} placeholder="mag_..." autoComplete="off" />
        <button>Sign in</button>
      </form>
      <GraphiQL
        key={token} fetcher={fetcher} storage={sessionStorage} defaultQuery={FIRST}
        isHeadersEditorEnabled={false} showPersistHeadersSettings={false}
      />
    </>
  )
}

createRoot(document.getElementById('page')).render(<Page />)
