// One screen, in jsdom: it lists the versions of a model, shows one with a button for each of its actions, and sends what is pressed.
// A client brings the data; what is shown is the same for all.
import assert from 'node:assert/strict'
import { JSDOM } from 'jsdom'

const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://screen.test/' })
globalThis.window = window
globalThis.document = window.document
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true }) // Node 21 and later have their own
const { createElement: h, useState } = await import('react')
const { createRoot } = await import('react-dom/client')

export const ONLY = ['updateModelVersion', 'retireModelVersion', 'grantWaiver']
const INPUTS = {
  updateModelVersion: { restrictions: ['Not for complaints'] },
  retireModelVersion: { reason: 'It was a try.' },
}

export function List({ versions, onShow }) {
  return h('ul', null, versions.map(({ id, version, status }) => (
    h('li', { key: id }, h('button', { onClick: () => onShow(version) }, `${version} ${status}`))
  )))
}

// A button for each action; one that is not allowed is disabled, and says why.
export function Shown({ shown, onAct }) {
  const { modelId, version, status, restrictions, actions } = shown
  const act = (mutation) => onAct(mutation, { modelId, version, ...INPUTS[mutation] })
  return h('section', null, h('h1', null, `${version} ${status}`), h('p', null, restrictions.join(', ')), actions.map((each) => (
    h('div', { key: each.mutation },
      h('button', { id: each.mutation, disabled: !each.allowed, onClick: () => act(each.mutation) }, each.mutation),
      each.refusal && h('em', { title: each.refusal.code }, each.refusal.message),
    )
  )))
}

// `Versions` and `Detail` are made with a client: both get the model's id, and Detail the version.
export function Screen({ modelId, Versions, Detail }) {
  const [version, onShow] = useState(null)
  return h('main', null, h(Versions, { modelId, onShow }), version && h(Detail, { modelId, version }))
}

export function mounted(element) {
  const place = document.body.appendChild(document.createElement('div'))
  const root = createRoot(place)
  root.render(element)
  return { place, unmount: () => root.unmount() }
}

async function until(what, found) {
  for (let each = 0; each < 200; each++) {
    if (found()) return found()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return assert.fail(`the screen does not show ${what}: ${document.body.innerHTML}`)
}

// What somebody does at the screen, and sees: the same with every client.
export async function walk({ place, unmount }) {
  const text = (selector) => place.querySelector(selector)?.textContent
  const button = (name) => place.querySelector(`#${name}`)
  const reason = (name) => button(name).parentElement.querySelector('em')

  const listed = await until('the list', () => place.querySelector('li button'))
  assert.equal(listed.textContent, '1.0.0 DRAFT')
  listed.click()
  await until('the version', () => text('h1') === '1.0.0 DRAFT')

  assert.equal(button('grantWaiver').disabled, true)
  assert.equal(reason('grantWaiver').title, 'FORBIDDEN')
  assert.match(reason('grantWaiver').textContent, /RISK_MANAGER/)
  for (const name of ['updateModelVersion', 'retireModelVersion']) {
    assert.equal(button(name).disabled, false)
    assert.equal(reason(name), null)
  }

  button('updateModelVersion').click()
  await until('what was stored', () => text('p') === 'Not for complaints')
  button('retireModelVersion').click()
  await until('that it was retired', () => text('h1') === '1.0.0 RETIRED' && text('li button') === '1.0.0 RETIRED')
  await until('that nothing can be done now', () => button('retireModelVersion').disabled && button('updateModelVersion').disabled)
  assert.equal(reason('retireModelVersion').title, 'INVALID_STATE')
  unmount()
}
