// graphile-worker behind the protocol of tests/benchmarks/queue/processes.py.
//
//   node graphile.mjs worker '{"concurrentJobs": 24, ...}'   works until it is terminated
//   node graphile.mjs session                                answers one JSON line with another
//
// The connection comes from PGHOST, PGUSER and PGDATABASE, the packages from BENCH_NODE_MODULES.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import readline from 'node:readline'

const require = createRequire(`${process.env.BENCH_NODE_MODULES}/`)
const { Pool } = require('pg')
const { run, makeWorkerUtils, Logger } = require('graphile-worker')

const logger = new Logger(() => (level, message) => {
  if (level === 'error') process.stderr.write(`${message}\n`)
})
const now = () => (performance.timeOrigin + performance.now()) / 1000
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

async function work (options) {
  const notes = process.env.LACUNA_BENCH_NOTES
  const file = notes ? fs.openSync(notes, 'a') : null
  const taskList = {
    noop: async () => {},
    note: async (_payload, { job }) => {
      const began = now()
      fs.writeSync(file, `${job.id} ${began.toFixed(6)}\n`)
    }
  }
  const pgPool = new Pool({ max: options.concurrentJobs + 1 })
  const runner = await run({
    pgPool, preset: { worker: { ...options, logger } }, taskList, parsedCronItems: []
  })
  await runner.promise
  await pgPool.end()
}

const verbs = {
  migrate: async utils => { await utils.migrate(); return {} },

  // Adds `count` jobs in calls of `chunk`; answers the seconds that the calls took.
  add: async (utils, { count, chunk }) => {
    const calls = []
    for (let i = 0; i < count; i += chunk) {
      calls.push(Array.from({ length: Math.min(chunk, count - i) }, (_, j) => ({
        identifier: 'noop', payload: { user: `user-${(i + j) % 50}`, n: i + j }
      })))
    }
    const begin = performance.now()
    for (const jobs of calls) await utils.addJobs(jobs)
    return { seconds: (performance.now() - begin) / 1000 }
  },

  // Adds one job after each pause (ms); answers ids and the moments just before each was added.
  produce: async (utils, { pauses }) => {
    const produced = []
    for (const ms of pauses) {
      const began = now()
      const job = await utils.addJob('note', {})
      produced.push([String(job.id), began])
      await pause(ms)
    }
    return { produced }
  }
}

async function serve () {
  const pgPool = new Pool({ max: 2 })
  const utils = await makeWorkerUtils({ pgPool, logger })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { verb, ...wish } = JSON.parse(line)
    process.stdout.write(`${JSON.stringify(await verbs[verb](utils, wish))}\n`)
  }
  await utils.release()
  await pgPool.end()
}

const [mode, options] = process.argv.slice(2)
await (mode === 'worker' ? work(JSON.parse(options)) : serve())
