/**
 * Looking at and changing labels at run time, for the facade: checks what is asked for, writes it, and answers when it is
 * in force on this node; the others follow within a poll, or at once when they are told.
 */
import {LinkisError} from './domain/errors.ts';
import type {Labels} from './domain/label.ts';
import {
  assertInstanceLabel,
  labelKeys,
  modifiableLabelKeys,
  offlineRoute,
  serviceInstanceOf,
  type InstanceLabelStore,
  type LabelledInstance,
  type ServiceInstance,
} from './instance-label.ts';
import type {Router} from './router-actor.ts';
import type {RouteMember} from './route-snapshot.ts';
import type {RoutePreview, RouteRequest} from './router.ts';
import {routeOf} from './route.ts';

export type Routing = {
  /** This node, as membership names it. */
  readonly self: () => string;
  /** Members with their labels, as this node knows them now. */
  readonly members: () => readonly RouteMember[];
  /** Which instance a request would reach, and why. */
  readonly preview: (request: RouteRequest) => RoutePreview;
  /** Rows with their labels, also of instances that are not running. */
  readonly instances: () => Promise<readonly LabelledInstance[]>;
  /**
   * Replaces what `microservice/instanceLabel` may set; other labels, such as the mark offline, stay. Rejects with
   * `UnknownInstanceError`, `InvalidInstanceLabelError`, `BlankInstanceLabelError`.
   */
  readonly setLabels: (instance: string, labels: Labels) => Promise<void>;
  /** Sets the route label, or takes it away (blank). */
  readonly setRoute: (instance: string, route: string) => Promise<void>;
  /** No new jobs until `backOnline`, or until the node starts again; its route label stays as it is. */
  readonly markOffline: (instance: string) => Promise<void>;
  readonly backOnline: (instance: string) => Promise<void>;
  /** From the table: also true for what this node has not seen yet. */
  readonly isOnline: (instance: string) => Promise<boolean>;
};

export type RoutingDependencies = {
  /** Asked at each call: known for certain only when the node has its port. */
  readonly self: () => string;
  readonly router: Pick<Router, 'current' | 'explain' | 'refresh'>;
  readonly store: InstanceLabelStore;
  /** Tells the other nodes' routers to look; they would find it by themselves a little later. */
  readonly announce?: () => void;
};

/** Labels are set on instances that have a row; a mistyped address would be one that nobody ever serves. */
export class UnknownInstanceError extends LinkisError {
  override readonly name = 'UnknownInstanceError';
  readonly code = 20937;

  constructor(instance: string, known: readonly string[]) {
    super(
      `There is no instance ${instance.slice(0, 200)}. Name one of: ${known.slice(0, 20).join(', ') || 'none is registered'}` +
        `${known.length > 20 ? ', …' : ''}.`,
    );
  }
}

export function createRouting({self, router, store, announce}: RoutingDependencies): Routing {
  async function rowOf(instance: string): Promise<ServiceInstance> {
    const rows = await store.instances();
    const row = rows.find(candidate => candidate.instance === instance);
    if (row === undefined) {
      throw new UnknownInstanceError(
        instance,
        rows.map(each => each.instance),
      );
    }
    return {instance, name: row.name};
  }

  async function changed(): Promise<void> {
    announce?.();
    await router.refresh();
  }

  return {
    self,
    members: () => router.current().members,
    preview: request => router.explain(request),
    instances: () => store.instances(),

    async setLabels(instance, labels) {
      for (const [key, value] of Object.entries(labels)) assertInstanceLabel(key, value);
      await store.replace(await rowOf(instance), labels, modifiableLabelKeys);
      await changed();
    },

    async setRoute(instance, label) {
      const route = routeOf(label);
      if (route !== undefined) assertInstanceLabel(labelKeys.route, route);
      const row = await rowOf(instance);
      if (route === undefined) await store.detach(instance, [labelKeys.route]);
      else await store.register(row, {[labelKeys.route]: route});
      await changed();
    },

    async markOffline(instance) {
      await store.register(await rowOf(instance), {[labelKeys.offline]: 'true'});
      await changed();
    },

    async backOnline(instance) {
      await rowOf(instance);
      const labels = await store.labelsOf(instance);
      const isLinkisMark = labels[labelKeys.route] === offlineRoute;
      await store.detach(instance, [labelKeys.offline, ...(isLinkisMark ? [labelKeys.route] : [])]);
      await changed();
    },

    async isOnline(instance) {
      await rowOf(instance);
      const labels = await store.labelsOf(instance);
      return labels[labelKeys.offline] !== 'true' && labels[labelKeys.route] !== offlineRoute;
    },
  };
}

/**
 * What a node does before it is up: its row is there, with the labels of its configuration and no others. A mark offline
 * or a label set at run time ends with the process that carried it, as in Linkis. Rejects for labels that no instance
 * can carry.
 */
export async function registerInstance(
  store: Pick<InstanceLabelStore, 'replace'>,
  instance: string,
  roles: readonly string[],
  labels: Labels,
): Promise<void> {
  for (const [key, value] of Object.entries(labels)) assertInstanceLabel(key, value);
  await store.replace(serviceInstanceOf(instance, roles), labels);
}

/** `key=value` texts, as `--label` takes them; the last one of a key counts. */
export const parseInstanceLabels = (texts: readonly string[]): Labels =>
  Object.fromEntries(
    texts.map(text => {
      const at = text.indexOf('=');
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
