// What a `recover` says: progress on a terminal or in lines, and problems with hints that fit where there is no console.
import type { RunEventBody } from '#lib/domain/event.ts'
import type { Problem, ProblemCode } from '#lib/domain/problem.ts'
import { progressOf, type ProgressSample } from '#lib/domain/progress.ts'
import { sizeInWords, spanInWords } from '#lib/domain/words.ts'

/** Where what is said goes: lines, and on a terminal one line that is written over again and again. */
export interface Screen {
  line: (text: string) => void
  /** Null = there is no terminal. */
  over: ((text: string) => void) | null
}

/** Without a terminal a line of progress comes so often. */
const LINE_EVERY_MS = 5000
const SAMPLES = 120

const phases: Readonly<Record<string, string>> = { check: 'Looking at the destination', copy: 'Data', wal: 'WAL', verify: 'Proving what was written', publish: 'Giving it its name' }

/** Turns events of a run into what a person reads. */
export function teller(screen: Screen, now: () => number): (body: RunEventBody) => void {
  let samples: ProgressSample[] = []
  let toldAt = 0
  return (body) => {
    if (body.kind === 'phase') screen.line(phases[body.phase] ?? body.phase)
    else if (body.kind === 'log' || body.kind === 'strange') screen.line(body.kind === 'log' && body.level === 'info' ? body.text : `WARNING: ${body.text}`)
    else if (body.kind === 'progress') {
      const { doneBytes, totalBytes } = body
      const at = now()
      samples = [...samples, { at, doneBytes }].slice(-SAMPLES)
      const { bytesPerSecond, secondsLeft, fraction } = progressOf(samples, { totalBytes, now: at })
      const text = `  ${sizeInWords(doneBytes)}${totalBytes === null ? '' : ` of ${sizeInWords(totalBytes)}`}${fraction === null ? '' : `, ${Math.floor(fraction * 100)} %`}${bytesPerSecond === null ? '' : `, ${sizeInWords(Math.round(bytesPerSecond))}/s`}${secondsLeft === null ? '' : `, ${spanInWords(Math.round(secondsLeft))} left`}`
      if (screen.over !== null) screen.over(text)
      else if (at - toldAt >= LINE_EVERY_MS || doneBytes === totalBytes) {
        screen.line(text)
        toldAt = at
      }
    }
  }
}

export function screenOf(out: NodeJS.WriteStream): Screen {
  let isOver = false
  const end = () => {
    if (isOver) out.write('\n')
    isOver = false
  }
  return {
    line(text) {
      end()
      out.write(`${text}\n`)
    },
    over: out.isTTY ? (text) => {
      isOver = true
      out.write(`\r\u001B[K${text}`)
    } : null,
  }
}

/** Where the hint of a problem speaks of a page of the console. */
const hintsHere: Partial<Record<ProblemCode, string>> = {
  'key-missing': 'Name the file with the key by --key FILE: the printed kit, or what age-keygen wrote, with its line AGE-SECRET-KEY-1...',
  'key-wrong': 'image.json names under "encryption" the recipient that is needed; age-keygen -y FILE prints the recipient of a key file. Several files may be given: --key A --key B',
  'write-failed': 'Look at the keys of the bucket (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or --credentials FILE) and at what they allow.',
  'storage-unavailable': 'Look at --from, --endpoint, --region and --ca.',
  'agent-failed': 'See what the message names; nothing is left at the destination.',
}

export function problemText({ code, message, detail, hint }: Problem): string {
  const here = hint?.includes('▸') === true || hint?.includes('log of the run') === true ? (hintsHere[code] ?? 'Choose another image or moment; --list shows what there is.') : hint
  return [`recover: ${message} (${code})`, ...(detail === undefined ? [] : [`  ${detail}`]), ...(here === undefined ? [] : [`  ${here}`])].join('\n')
}
