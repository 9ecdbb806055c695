// Which majors a test runs on: its own choice, or all of them in the matrix (HOWDAH_MATRIX=1).
import { MAJORS } from '#lib/postgres/version.ts'

export const isMatrix = process.env['HOWDAH_MATRIX'] === '1'

/** `chosen` keeps `npm test` within its time; the matrix takes every supported major. */
export const majorsToTest = (chosen: readonly number[]): number[] => (isMatrix ? [...MAJORS] : [...chosen])
