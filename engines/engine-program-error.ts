/** What is wrong with an engine program that an operator has listed. */
import {LinkisError} from '../actors/domain/errors.ts';

export class EngineProgramError extends LinkisError {
  override readonly name = 'EngineProgramError';
  readonly code = 50250;

  constructor(type: string, program: string, path: string) {
    super(
      `The engine type ${type} can't be offered: ${program} is no program that this node may run` +
        `${program.includes('/') ? '' : ` (looked for in ${path})`}. Correct governance.enginePrograms.`,
    );
  }
}
