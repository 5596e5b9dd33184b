/**
 * What a route label means (G6; Linkis: `AbstractLabelGatewayRouter`): a label goes only to instances that carry it, no
 * label never to one that carries any. The choice among several is the router's, in `router.ts`.
 */
import {LinkisError} from './domain/errors.ts';

/** No instance carries the route label that was asked for. Nothing was stored; the gateway answers in its own form. */
export class RouteNotFoundError extends LinkisError {
  override readonly name = 'RouteNotFoundError';
  readonly code = 11011;
  /** The route that was asked for. */
  readonly route: string;

  constructor(asked: string) {
    super(`Cannot route to the corresponding service, no instance carries the label route=${asked}.`);
    this.route = asked;
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

/** A blank label is none. */
export function routeOf(label: string | undefined): string | undefined {
  const route = label?.trim();
  return route === '' ? undefined : route;
}

/** Throws unless an instance with the label `own` (undefined: none) may take what asks for `asked`. */
export function assertRoute(asked: string | undefined, own: string | undefined): void {
  const wanted = routeOf(asked);
  if (wanted === own) return;
  throw wanted === undefined ? new NoUnlabelledInstanceError() : new RouteNotFoundError(wanted);
}
