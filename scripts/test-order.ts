// The order of the files of integration tests: what takes longest first, so that the workers end together.
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files of a minute and more, the longest first; the others follow, the larger ones first. */
export const LONGEST = [
  'scripts/supervisor', 'lib/worker/faults', 'lib/worker/cuts', 'agent/backup-cases', 'lib/worker/properties', 'agent/changed-blocks', 'lib/worker/encryption',
  'lib/worker/s3', 'agent/check-faults', 'lib/worker/changed-blocks', 'lib/worker/bandwidth', 'agent/backup', 'lib/worker/compression', 'lib/worker/drill', 'lib/worker/without-console',
].map((name) => `${name}.integration.test.ts`)

/** Pure: its place in the list above, or after all of it. */
export function rank(path: string): number {
  const place = LONGEST.findIndex((name) => path.endsWith(`/${name}`))
  return place === -1 ? LONGEST.length : place
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder
    return (await super.sort(files)).toSorted((a, b) => group(a) - group(b) || rank(a.moduleId) - rank(b.moduleId))
  }
}
