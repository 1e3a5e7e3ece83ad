// Bundles the page, and the licences of all that is in it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const { metafile } = await build({
  entryPoints: ['page.jsx'], outdir: '..', bundle: true, minify: true, metafile: true, logLevel: 'error',
  jsx: 'automatic', target: 'es2022', legalComments: 'none', define: { 'process.env.NODE_ENV': '"production"' },
})

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  return `${name} ${version}: ${license}\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}`.trim()
}

const folders = Object.keys(metafile.inputs).map((each) => each.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
const licences = [...new Set(folders)].filter(Boolean).sort().map(licence)
writeFileSync('../LICENSES.txt', `${licences.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
