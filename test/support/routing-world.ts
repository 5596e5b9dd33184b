/** A facade whose node is one of several: real router actor and labels in memory, members that the test sets. */
import type {ExecutionContext} from 'ava';
import {createRouting, registerInstance} from '../../actors/instance-label-service.ts';
import {startRouter, type Router} from '../../actors/router-actor.ts';
import type {MemberView} from '../../actors/route-snapshot.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import type {FacadeDependencies} from '../../http/route-context.ts';
import {startFacade, type FacadeWorld} from './facade-world.ts';
import {createMemoryInstanceLabels, type MemoryInstanceLabels} from './memory-instance-labels.ts';

export type RoutingWorld = {
  readonly facade: FacadeWorld;
  readonly router: Router;
  readonly store: MemoryInstanceLabels;
  /** How often the other nodes were told to look. */
  readonly announced: () => number;
};

export const self = 'a:9104';

const member = (instance: string, more: Partial<MemberView> = {}): MemberView => ({
  instance,
  incarnation: 'first',
  roles: ['gateway', 'entrance'],
  state: 'up',
  isReachable: true,
  ...more,
});

/** `a:9104` is this node; `b:9104` carries route=et1; `c:9104` is a gateway alone. */
export async function startRoutingFacade(
  t: ExecutionContext,
  replaced: Partial<FacadeDependencies> = {},
): Promise<RoutingWorld> {
  const log = {debug() {}, info() {}, warn() {}, error: (...line: unknown[]) => t.log(...line)};
  const system = startActorSystem({name: 'test', clock: systemClock, random: systemRandom, log});
  t.teardown(() => system.shutdown(1000));
  const store = createMemoryInstanceLabels();
  const router = startRouter({system, store, random: systemRandom});
  await registerInstance(store, self, ['gateway', 'entrance'], {});
  await registerInstance(store, 'b:9104', ['entrance'], {route: 'et1'});
  await registerInstance(store, 'c:9104', ['gateway'], {});
  router.setMembers([member(self), member('b:9104'), member('c:9104', {roles: ['gateway']})]);
  await router.refresh();
  let announced = 0;
  const routing = createRouting({self: () => self, router, store, announce: () => (announced += 1)});
  const facade = await startFacade(t, {}, systemClock, {routing, ...replaced});
  return {facade, router, store, announced: () => announced};
}
