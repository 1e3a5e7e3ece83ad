// Offers to end the session of this browser, and then goes where the server says: to the issuer, which ends its own, or back here.
// Over https the cookie has a name that no other host can set.
const FORGERY = location.protocol === 'https:' ? '__Host-magistrate-csrf' : 'magistrate-csrf'
const kept = document.cookie.split('; ').map((each) => each.split('=')).find(([name]) => name === FORGERY)
const says = document.getElementById('says')
if (kept) {
  const button = document.createElement('button')
  document.querySelector('h1').textContent = 'Signed in'
  says.textContent = 'This browser has a session here.'
  button.textContent = 'Sign out'
  button.addEventListener('click', async () => {
    try {
      const answer = await fetch('/sign-out', { method: 'POST', headers: { 'x-magistrate-csrf': kept[1] } })
      location.assign((await answer.json()).location)
    } catch (error) {
      says.textContent = `The server cannot be asked: ${error.message}`
    }
  })
  document.querySelector('ul').replaceChildren(button)
}
