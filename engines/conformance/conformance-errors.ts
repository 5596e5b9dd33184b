/** What a conformance run finds, or is given and can't use. Codes from 50250 on. */
import {LinkisError} from '../../actors/domain/errors.ts';

/** The engine under check did something that docs/engine-protocol.md does not allow, or left out what it asks for. */
export class EngineBreachError extends LinkisError {
  override readonly name = 'EngineBreachError';
  readonly code = 50251;
  readonly what: string;

  constructor(what: string) {
    super(`The engine does not keep to docs/engine-protocol.md: ${what}`);
    this.what = what;
  }
}

/** A profile can't be used; the message lists every mistake. */
export class EngineProfileError extends LinkisError {
  override readonly name = 'EngineProfileError';
  readonly code = 50252;

  constructor(where: string, mistakes: readonly string[]) {
    super(`The engine profile ${where} can't be used: ${mistakes.join('; ')}. See docs/engine-kit.md.`);
  }
}

/** Ends a check unless `condition` holds. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new EngineBreachError(what);
}
