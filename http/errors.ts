/** Failures that only the facade knows; those of the governance are in `actors/domain/errors.ts`. */
import {LinkisError} from '../actors/domain/errors.ts';

/** The request's shape is wrong: a type, a missing key, or what is no JSON. Linkis' number for failed verification. */
export class BadRequestError extends LinkisError {
  override readonly name = 'BadRequestError';
  readonly code = 11001;
}

/** A filter of job history that can't be one; the text is Linkis'. */
export class InvalidFilterError extends LinkisError {
  override readonly name = 'InvalidFilterError';
  readonly code = 21304;

  constructor(what: string, value: string) {
    super(`Invalid ${what} : ${value}`);
  }
}

/** Reading or checking needs the database, which can't be asked now. */
export class HistoryAwayError extends LinkisError {
  override readonly name = 'HistoryAwayError';
  readonly code = 20052;
  override readonly retryable = true;

  constructor() {
    super('The database cannot be reached now; running jobs go on. Try again in a moment.');
  }
}

/** A body that calls itself something other than JSON. */
export class UnsupportedMediaTypeError extends BadRequestError {
  /** Read where Fastify's own refusals are. */
  readonly statusCode = 415;

  constructor() {
    super('The body has to be JSON, sent with Content-Type: application/json');
  }
}
