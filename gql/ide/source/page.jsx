// GraphiQL over this server's own endpoints, signed in by the session of the browser, or with a token that is forgotten with the tab. The
// bar above it says who that is, opens the examples, and shows the texts of an answer as they are meant to be read.
import 'graphiql/graphiql.css'
import './page.css'
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import DOMPurify from 'dompurify'
import { GraphiQL } from 'graphiql'
import { createClient } from 'graphql-ws'
import MarkdownIt from 'markdown-it'
import { useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'

const KEPT = 'magistrate:token'
const FIRST = '{\n  viewer {\n    id\n    stakeholder {\n      name\n    }\n  }\n}\n'
const WHO = '{ viewer { id stakeholder { name roles platformRole } } }'
const here = new URL(location.pathname, location.origin)
const there = new URL(here)
there.protocol = here.protocol === 'https:' ? 'wss:' : 'ws:'

// Who is not signed in does not ask: each attempt would stand in the audit trail.
const nobody = async () => ({ errors: [{ message: 'Sign in first: at the top of the page.' }] })

// The token against forgery of the session; undefined where there is none. No script reads the session itself.
// Over https its cookie has a name that no other host can set.
const FORGERY = location.protocol === 'https:' ? '__Host-magistrate-csrf' : 'magistrate-csrf'
const forgery = () => document.cookie.split('; ').map((each) => each.split('=')).find(([name]) => name === FORGERY)?.[1]
const proofOf = (token) => (token ? { authorization: `Bearer ${token}` } : { 'x-magistrate-csrf': forgery() ?? '' })

function fetcherOf(token, onAnswer) {
  const fetcher = createGraphiQLFetcher({
    url: here.href,
    headers: { ...proofOf(token), accept: 'application/graphql-response+json' },
    wsClient: createClient({ url: there.href, connectionParams: token ? proofOf(token) : { csrf: forgery() } }),
  })
  return async (asked, options) => {
    const answer = await fetcher(asked, options)
    if (asked.operationName === 'IntrospectionQuery') return answer
    if (answer[Symbol.asyncIterator]) return heard(answer, onAnswer)
    onAnswer(answer.data)
    return answer
  }
}

async function* heard(answers, onAnswer) {
  for await (const answer of answers) {
    onAnswer(answer.data)
    yield answer
  }
}

// Who signs in by the token, or without one by the session, as a line to show.
async function whoIs(token) {
  const headers = { ...proofOf(token), 'content-type': 'application/json' }
  try {
    const answer = await fetch(here.href, { method: 'POST', headers, body: JSON.stringify({ query: WHO }) })
    const { data, errors } = await answer.json()
    if (!data?.viewer) return { refused: errors[0].message }
    const { id, stakeholder } = data.viewer
    if (!stakeholder) return { line: `Signed in as the service ${id}` }
    const { name, roles, platformRole } = stakeholder
    return { line: [`Signed in as ${name} (${id})`, ...roles, platformRole].filter((each) => each !== 'MEMBER').join(', ') }
  } catch (error) {
    return { refused: `The server cannot be asked: ${error.message}` }
  }
}

// By which issuers this server signs browsers in, and whether it wants a field for tokens.
async function waysIn() {
  try {
    return await (await fetch(new URL('sign-in', here), { headers: { accept: 'application/json' } })).json()
  } catch {
    return { issuers: [], tokenEntry: true }
  }
}

function leadingTo(issuer) {
  const place = new URL('sign-in', here)
  place.search = new URLSearchParams({ issuer, to: here.pathname })
  return place.href
}

async function signOut() {
  const answer = await fetch(new URL('sign-out', here), { method: 'POST', headers: proofOf('') })
  location.assign((await answer.json()).location ?? here.href)
}

// The texts of an answer that are Markdown: its fields of that name, with where they are.
function* textsIn(value, path = []) {
  for (const [name, each] of Object.entries(value ?? {})) {
    if (name === 'markdown' && typeof each === 'string') yield { path: [...path, name].join('.'), text: each }
    else if (each && typeof each === 'object') yield* textsIn(each, [...path, name])
  }
}

// HTML in a text is shown as it is written, and what comes out is sanitized: the texts are by whoever may write a record.
const markdown = new MarkdownIt({ html: false })
const rendered = (text) => ({ __html: DOMPurify.sanitize(markdown.render(text), { FORBID_ATTR: ['style'], FORBID_TAGS: ['img', 'form'] }) })

function Texts({ texts, onClose }) {
  return (
    <aside className="texts">
      <button onClick={onClose}>Close</button>
      {texts.map(({ path, text }) => (
        <article key={path}>
          <p className="path">{path}</p>
          <div dangerouslySetInnerHTML={rendered(text)} />
        </article>
      ))}
    </aside>
  )
}

function Page() {
  const [token, setToken] = useState(sessionStorage.getItem(KEPT) ?? '')
  const [who, setWho] = useState({})
  const [opened, setOpened] = useState({})
  const [texts, setTexts] = useState([])
  const [reading, setReading] = useState(false)
  const [ways, setWays] = useState({ issuers: [], tokenEntry: false })
  const fetcher = useMemo(() => (who.line ? fetcherOf(token, (data) => setTexts([...textsIn(data)])) : nobody), [who])

  useEffect(() => { waysIn().then(setWays) }, [])
  useEffect(() => {
    let current = true
    setWho({})
    if (token || forgery()) whoIs(token).then((said) => current && setWho(said))
    return () => { current = false }
  }, [token])

  function signIn(event) {
    event.preventDefault()
    const given = new FormData(event.target).get('token').trim()
    sessionStorage.setItem(KEPT, given)
    setToken(given)
  }

  function open(event) {
    const example = EXAMPLES[event.target.value]
    event.target.value = ''
    setOpened({}) // so that an example that was changed can be opened again
    setTimeout(() => setOpened(example))
  }

  return (
    <>
      <div className="bar">
        {(!forgery() || who.refused) && ways.issuers.map((each) => <a key={each} className="issuer" href={leadingTo(each)}>Sign in with {each}</a>)}
        {ways.tokenEntry && (token || !forgery() || who.refused) && (
          <form onSubmit={signIn}>
            <label htmlFor="token">Token</label>
            <input id="token" name="token" type="password" defaultValue={token} placeholder="mag_..." autoComplete="off" />
            <button>Sign in</button>
          </form>
        )}
        <span id="who" className={who.refused ? 'who refused' : 'who'}>{who.refused ?? who.line}</span>
        {forgery() && <button id="sign-out" onClick={signOut}>Sign out</button>}
        <select id="examples" aria-label="Examples" defaultValue="" onChange={open}>
          <option value="" disabled>Open an example</option>
          {EXAMPLES.map(({ title }, place) => <option key={title} value={place}>{title}</option>)}
        </select>
        <button id="read" disabled={!texts.length} onClick={() => setReading(true)}>Read the texts ({texts.length})</button>
      </div>
      <GraphiQL
        key={who.line} fetcher={fetcher} storage={sessionStorage} defaultQuery={FIRST} query={opened.query} variables={opened.variables}
        isHeadersEditorEnabled={false} showPersistHeadersSettings={false}
      />
      {reading && <Texts texts={texts} onClose={() => setReading(false)} />}
    </>
  )
}

createRoot(document.getElementById('page')).render(<Page />)
