// The command line `howdah`: a thin client of the API.
import { Command, CommanderError } from 'commander'
import { ProblemError, toProblem } from '#lib/domain/problem.ts'
import { EnvironmentError } from '#lib/platform/env.ts'
import { addAccountCommands } from './account-commands.ts'
import { exitCodeOf, exitCodes, printerFor, problemText, type Printer } from './output.ts'
import { addAdoptCommand } from './adopt-command.ts'
import { addRunCommands } from './run-commands.ts'
import { addSetUpCommands } from './set-up-commands.ts'

export function createProgram(): Command {
  const program = new Command('howdah').description('Backup and recovery of PostgreSQL, from the command line').option('--json', 'print JSON').showHelpAfterError('(see --help)').exitOverride()
  const printer = (): Printer => printerFor(program.opts<{ json?: true }>().json === true)
  addAccountCommands(program, printer)
  addSetUpCommands(program, printer)
  addRunCommands(program, printer)
  addAdoptCommand(program, printer)
  shareSettings(program)
  program.addHelpText('after', `\nSigned in by howdah login, or by HOWDAH_URL and HOWDAH_TOKEN.\nExit codes: ${exitCodes.ok} done, ${exitCodes.failed} failed, ${exitCodes.usage} wrong usage, ${exitCodes.unreachable} the console cannot be reached.`)
  return program
}

/** Subcommands answer errors of usage as the program does. `--json` may stand anywhere. */
function shareSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    shareSettings(child)
  }
}

/** Ends with the exit code; every failure is one problem on stderr. */
export async function main(args: readonly string[]): Promise<number> {
  const program = createProgram()
  const isJson = args.includes('--json')
  try {
    await program.parseAsync(isJson ? ['--json', ...args.filter((arg) => arg !== '--json')] : [...args], { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (error instanceof EnvironmentError) {
      process.stderr.write(`howdah: ${error.message}\n`)
      return exitCodes.usage
    }
    if (!(error instanceof ProblemError)) process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    const problem = toProblem(error)
    process.stderr.write(`${isJson ? JSON.stringify(problem, null, 2) : problemText(problem)}\n`)
    return exitCodeOf(problem)
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
