// A tus client that nobody here wrote uploads to the server with interruptions: the client is stopped and a new one goes on
// by the file's fingerprint; the server is killed and the same one goes on by itself. The shares that come of it must be equal.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import * as tus from 'tus-js-client'

const { ADDRESS, KEY, WORK, SERVER } = process.env
const SIZE = 24 << 20
const headers = { Authorization: `Bearer ${KEY}` }
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex')
const server = (what) => execFileSync(SERVER, [what], { stdio: ['ignore', 'ignore', 'inherit'] })

function fileOf(name) {
  const file = path.join(WORK, name)
  fs.writeFileSync(file, randomBytes(SIZE))
  return file
}

// One upload; `progress` is told how much is there and may stop it.
function upload(file, options, progress) {
  return new Promise((resolve, reject) => {
    const one = new tus.Upload(fs.createReadStream(file), {
      endpoint: `${ADDRESS}/tus`,
      headers,
      chunkSize: 2 << 20,
      metadata: { filename: path.basename(file) },
      retryDelays: [100, 300, 500, 1000, 2000, 4000],
      storeFingerprintForResuming: true,
      urlStorage: new tus.FileUrlStorage(path.join(WORK, 'places.json')),
      onError: reject,
      onSuccess: () => resolve({ done: true }),
      onProgress: (sent) => progress?.(one, sent, resolve),
      ...options,
    })
    one.findPreviousUploads().then((before) => {
      if (options.resumes) {
        assert.equal(before.length, 1, 'the upload from before is found by its fingerprint')
        one.resumeFromPreviousUpload(before[0])
      }
      one.start()
    }, reject)
  })
}

async function api(where) {
  // A connection from before the server was killed may be tried first; to ask once more does no harm.
  const ask = () => fetch(`${ADDRESS}${where}`, { headers })
  const answer = await ask().catch(ask)
  assert.equal(answer.status, 200, where)
  return answer
}

// What the server made of a file, once it has read it.
async function arrives(file) {
  for (let tries = 0; tries < 200; tries++) {
    const { hits } = await (await api('/api/v1/shares?limit=500')).json()
    const hit = hits.find(({ share }) => share.title === path.basename(file))
    if (hit) {
      const bytes = Buffer.from(await (await api(`/api/v1/shares/${hit.share.id}/files/0`)).arrayBuffer())
      assert.equal(sha(bytes), sha(fs.readFileSync(file)), `${file} is equal`)
      return
    }
    await new Promise((later) => setTimeout(later, 100))
  }
  assert.fail(`${file} became no share`)
}

// 1: at once.
const whole = fileOf('whole.bin')
await upload(whole, {})
await arrives(whole)
console.log('  an upload in one go')

// 2: stopped half-way, as a browser that was closed; another client goes on.
const stopped = fileOf('stopped.bin')
const first = await upload(stopped, {}, (one, sent, resolve) => {
  if (sent > SIZE / 2) one.abort().then(() => resolve({ stopped: sent }))
})
assert.ok(first.stopped < SIZE)
let resumedAt
await upload(stopped, { resumes: true }, (_, sent) => (resumedAt ??= sent))
assert.ok(resumedAt >= (2 << 20), `it goes on where it was, and not at ${resumedAt}`)
await arrives(stopped)
console.log('  an upload that was stopped and found again by its fingerprint')

// 3: the server is killed in the middle of a request and comes back: the client goes on by itself.
const killed = fileOf('killed.bin')
let kills = 0
await upload(killed, { chunkSize: SIZE }, (_, sent) => {
  if (kills === 0 && sent > SIZE / 4) {
    kills++
    server('kill')
    server('start')
  }
})
assert.equal(kills, 1)
await arrives(killed)
console.log('  an upload during which the server was killed')

// 4: given up: nothing of it is left.
const given = fileOf('given-up.bin')
let place
await upload(given, {}, (one, sent, resolve) => {
  if (sent > SIZE / 3) {
    place = one.url
    one.abort(true).then(() => resolve({ stopped: sent }))
  }
})
assert.equal((await fetch(place, { method: 'HEAD', headers: { ...headers, 'Tus-Resumable': '1.0.0' } })).status, 404)
console.log('  an upload that was given up')
