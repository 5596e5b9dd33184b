/** `entrance/{id}/why` and `entrance/{id}/priority`: what a job waits for, and its place in the queue. Ours; Linkis has no such. */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {parseJobId, type FoundJob} from '../job-access.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import type {Gate} from '../../actors/gate.ts';
import {priorityMax} from '../../actors/job-wait.ts';

const JobParams = Type.Object({
  id: Type.String({description: 'The execID that submit answered, or the taskID.'}),
});

const PriorityBody = Type.Object({
  priority: Type.Integer({
    minimum: 0,
    maximum: priorityMax,
    description: 'Higher goes first within the group; 100 is the default, a minute of waiting counts as one.',
  }),
});

/** Only an administrator may push a job before others’ of the same group beyond this. */
const ownPriorityMax = 1000;

/** As the readers of a job of `user` see it: what others hold, but not who they are. */
function withoutOthers(gate: Gate, user: string): Gate {
  const [own = [], others = []] = [true, false].map(isOwn =>
    gate.holders.filter(holder => ((holder.user ?? user) === user) === isOwn),
  );
  if (others.length === 0) return gate;
  const holds = others.reduce((sum, holder) => sum + holder.holds, 0);
  return {...gate, holders: [...own, {who: 'other users', holds}]};
}

export function whyRoutes(app: FacadeApp, {access, audit, governance}: RouteContext): void {
  const missing = (id: string): string => `There is no job ${id.slice(0, 200)}.`;

  app.get(
    '/api/entrance/:id/why',
    {
      schema: {
        tags: ['entrance'],
        summary:
          'Why a job is where it is: each gate with figures and holders, its place, and where its time went',
        params: JobParams,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const id = parseJobId(request.params.id);
      const found: FoundJob | undefined = id && (await access.find(id, caller, 'read'));
      if (found?.type !== 'visible') return send(reply, refused(method, missing(request.params.id)));
      const why = await governance.why(found.job.taskID);
      if (why === undefined) return send(reply, refused(method, missing(request.params.id)));
      const gates = caller.isAdmin
        ? why.gates
        : why.gates.map(gate => withoutOthers(gate, found.job.executeUser));
      return send(reply, ok(method, {...why, gates, execID: found.job.execID}));
    },
  );

  app.post(
    '/api/entrance/:id/priority',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Give a waiting job another priority',
        params: JobParams,
        body: PriorityBody,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const id = parseJobId(request.params.id);
      // Whoever may end a job may also move it.
      const found: FoundJob | undefined = id && (await access.find(id, caller, 'kill'));
      if (found?.type !== 'visible') return send(reply, refused(method, missing(request.params.id)));
      const {taskID, status} = found.job;
      const {priority} = request.body;
      if (priority > ownPriorityMax && !caller.isAdmin) {
        const text = `A priority above ${ownPriorityMax} is for administrators; ${priority} was asked for.`;
        return send(reply, refused(method, text));
      }
      if (!(await governance.setPriority(taskID, priority))) {
        const text = `Job ${taskID} does not wait in a queue any more (it is ${status}), so its priority changes nothing.`;
        return send(reply, refused(method, text));
      }
      audit.note('priorityChanged', caller, {taskID, priority});
      return send(reply, ok(method, {taskID, priority}));
    },
  );
}
