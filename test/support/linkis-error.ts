/** The failure a call throws; AVA's `instanceOf` takes no abstract class. */
import {LinkisError} from '../../actors/domain/errors.ts';

/** Throws whatever else was thrown, or that nothing was. */
export function linkisErrorOf(run: () => unknown): LinkisError {
  try {
    run();
  } catch (error) {
    if (error instanceof LinkisError) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}
