/**
 * Whether this instance may take a submission with that route label (G6; Linkis: `AbstractLabelGatewayRouter`): a label goes
 * only to an instance that carries it, no label never to one that carries any. There is one instance to choose from.
 */
import {LinkisError} from './domain/errors.ts';

/** No instance carries the route label that was asked for. Nothing was stored; the gateway answers in its own form. */
export class RouteNotFoundError extends LinkisError {
  override readonly name = 'RouteNotFoundError';
  readonly code = 11011;

  constructor(asked: string) {
    super(`Cannot route to the corresponding service, no instance carries the label route=${asked}.`);
  }
}

/** The submission has no route label, and every instance is reserved for one. */
export class NoUnlabelledInstanceError extends LinkisError {
  override readonly name = 'NoUnlabelledInstanceError';
  readonly code = 11011;

  constructor() {
    super('There are no services available in the registry URL (注册表 URL 中没有可用的服务)');
  }
}

/** Throws unless an instance with the label `own` (undefined: none) may take what asks for `asked`. */
export function assertRoute(asked: string | undefined, own: string | undefined): void {
  const wanted = asked === '' ? undefined : asked;
  if (wanted === own) return;
  throw wanted === undefined ? new NoUnlabelledInstanceError() : new RouteNotFoundError(wanted);
}
