/**
 * No change without a note: whatever a route that changes something has not noted by itself is noted here when it has been
 * answered, with its path and how it ended. Bodies and queries stay out of it: they may hold anything.
 */
import type {FastifyRequest} from 'fastify';
import type {AuditOutcome} from '../actors/audit.ts';
import {pathOf} from './api-path.ts';
import type {Audit} from './audit.ts';
import type {FacadeApp} from './route-context.ts';

const reading = new Set(['GET', 'HEAD', 'OPTIONS']);
const submitting = new Set(['/api/entrance/submit', '/api/entrance/execute']);

export function noteChanges(app: FacadeApp, audit: Audit): void {
  app.decorateRequest('isRefused', false);
  app.addHook('onResponse', (request, reply, done) => {
    const {authenticated, method, routeOptions} = request;
    const route = routeOptions.url ?? '';
    if (authenticated !== null && isChange(request)) {
      const {caller} = authenticated;
      const {statusCode: status} = reply;
      if (!audit.hasNoted(caller)) {
        audit.note(submitting.has(route) ? 'submit' : 'change', caller, {
          target: pathOf(request.url),
          outcome: outcomeOf(status, request.isRefused),
          method,
          status,
        });
      }
    }
    done();
  });
}

/** What a route says of itself goes before its HTTP method. */
function isChange({is404, method, routeOptions}: FastifyRequest): boolean {
  if (is404) return false;
  const {audit} = routeOptions.config;
  return audit === undefined ? !reading.has(method) : audit === 'changes';
}

function outcomeOf(status: number, isRefused: boolean): AuditOutcome {
  if (status >= 500) return 'failed';
  return status >= 400 || isRefused ? 'refused' : 'done';
}
