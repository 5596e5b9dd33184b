/**
 * The route label of a request: which instance it wants to reach. In the body of a submission (`labels.route`, as every
 * client of Linkis sends it); for calls without such a body, as the query `route` or the header `X-Route-Label`.
 */
import type {IncomingHttpHeaders} from 'node:http';
import {isRecord} from '../actors/domain/job-params.ts';
import {printLabelValue} from '../actors/domain/label.ts';
import {routeOf} from '../actors/route.ts';

export const routeLabelHeader = 'x-route-label';

/** What it looks at; a Fastify request is one. */
export type LabelledRequest = {
  readonly body?: unknown;
  readonly query?: unknown;
  readonly headers?: IncomingHttpHeaders;
};

/** Undefined without one. Throws `InvalidLabelError` for a body whose label is no text. */
export function routeLabelOf({body, query, headers}: LabelledRequest): string | undefined {
  const inBody = isRecord(body) && isRecord(body['labels']) ? body['labels']['route'] : undefined;
  const given =
    inBody ?? first(isRecord(query) ? query['route'] : undefined) ?? first(headers?.[routeLabelHeader]);
  return given === undefined || given === null ? undefined : routeOf(printLabelValue('route', given));
}

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);
