// The commands of RESTORE.md as they are printed, by chapter, for tests that run them as a person would paste them.

export interface PrintedBlock {
  /** '4. Make one data directory of them' */
  title: string
  /** The line that stands before it. */
  before: string
  text: string
}

export const printedBlocks = (markdown: string): PrintedBlock[] =>
  markdown.split(/^## /m).flatMap((chapter) => {
    const [title = ''] = chapter.split('\n')
    return [...chapter.matchAll(/([^\n]*)\n\n```sh\n([\s\S]*?)```/g)].map(([, before = '', text = '']) => ({ title, before, text }))
  })

/** Commands of these chapters that `isWanted`, one after another. */
export const chapters = (blocks: readonly PrintedBlock[], first: number, last: number, isWanted: (block: PrintedBlock) => boolean = () => true): string =>
  blocks.filter((block) => Number.parseInt(block.title) >= first && Number.parseInt(block.title) <= last && isWanted(block)).map(({ text }) => text).join('\n')

export interface Filled { store: string; image: string; out: string; key: string }

/** What a person writes instead of the examples. */
export const filled = (script: string, { store, image, out, key }: Filled): string =>
  script.replace('/path/to/storage', `'${store}'`).replace('<set>', 'nightly').replace('<source>', 'main').replace('<image>', image).replace('OUT=/restore', `OUT='${out}'`).replace('/root/key.txt', `'${key}'`)
