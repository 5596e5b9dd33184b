/**
 * What a node does when the membership of its cluster changes: links come and go, the router learns who may be chosen, and
 * what a node that is gone has left is taken over: first its engines, where they are on this host, then its jobs.
 */
import {join} from 'node:path';
import type {Logger} from 'pino';
import {jobPaths} from './actors/checks/job-paths.ts';
import type {Member} from './actors/membership-member.ts';
import type {Membership} from './actors/membership.ts';
import type {StoredJob} from './actors/ports.ts';
import type {Router} from './actors/router-actor.ts';
import type {ClusterLinks} from './cluster/cluster-links.ts';
import type {Config} from './config.ts';
import {openNeighbours} from './node-neighbours.ts';

/** Told of each life that is over, once; a node that starts hears of those that ended before it. */
export type GoneListener = (member: Member) => void;

export type NodeMembership = {
  /** Calls the listener for every life that is over, those of before included. */
  readonly onGone: (listener: GoneListener) => void;
  /** Whether that node is on this host, where its files can be read. */
  readonly isHere: (member: Member) => boolean;
  /** Data directories of other nodes on this host, also of dead ones: what lies there can be read from here. */
  readonly neighbourDirectories: () => readonly string[];
  /** Where a job's log and results go when it is taken over; undefined: they stay, within reach. */
  readonly newPlace: (stored: StoredJob) => ReturnType<typeof jobPaths> | undefined;
  /** This node's own state, for the others and for its own router. */
  readonly setState: (state: 'up' | 'leaving') => void;
  readonly stop: () => void;
};

export type NodeMembershipDependencies = {
  readonly membership: Membership;
  readonly links: ClusterLinks | undefined;
  readonly router: Pick<Router, 'setMembers'>;
  /** Where this process is; see `placeOfProcess`. */
  readonly place: {readonly bootId: string; readonly netNs: string};
  readonly config: Pick<Config, 'dataDirectory' | 'timeZone' | 'node'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
};

/** Lives that are over, remembered for who listens later. */
const goneMax = 1024;

export function followMembership(dependencies: NodeMembershipDependencies): NodeMembership {
  const {membership, links, router, place, log} = dependencies;
  const {dataDirectory, timeZone, node} = dependencies.config;
  const gone: Member[] = [];
  const listeners: GoneListener[] = [];
  const neighbours = openNeighbours(dataDirectory, log);

  function meet(member: Member): void {
    if (member.isSelf) return;
    const {dataDirectory: theirs, clusterAddress} = member.details;
    if (isHere(member) && typeof theirs === 'string' && theirs !== dataDirectory) neighbours.add(theirs);
    if (typeof clusterAddress !== 'string' || !isThere(member)) return;
    links?.connect({instance: member.instance, address: clusterAddress, incarnation: member.incarnation});
  }

  /** New jobs go only where a link is up: one that was never let in, as with another secret, has a lease all the same. */
  function routed(): readonly Member[] {
    if (links === undefined) return membership.members();
    const up = new Set(
      links
        .links()
        .filter(({state}) => state === 'up')
        .map(({instance, incarnation}) => `${instance}#${incarnation}`),
    );
    return membership
      .members()
      .map(member =>
        member.isSelf || up.has(`${member.instance}#${member.incarnation}`)
          ? member
          : {...member, isReachable: false},
      );
  }

  const isHere = ({details: {bootId, netNs}}: Member): boolean =>
    place.bootId !== '' && bootId === place.bootId && netNs === place.netNs;

  function part(member: Member): void {
    meet(member);
    const {instance, incarnation, state} = member;
    log.info({instance, incarnation, state}, 'a node is gone');
    links?.nodeDead(instance, incarnation);
    if (!membership.members().some(other => other.instance === instance))
      links?.disconnect(instance, 'is gone');
    gone.push(member);
    if (gone.length > goneMax) gone.shift();
    for (const listener of listeners) listener(member);
  }

  const stopListening = membership.onChange(event => {
    switch (event.type) {
      case 'frozen':
        return log.warn({}, 'the lease could not be renewed: nothing is started or recorded until it is');
      case 'thawed':
        return log.info({}, 'the lease is held again');
      case 'dead':
      case 'gone':
        part(event.member);
        break;
      default:
        meet(event.member);
    }
    router.setMembers(routed());
    return undefined;
  });
  const stopLinks = links?.onLink(({type, instance, incarnation}) => {
    if (incarnation !== undefined) membership.linkEvent({type, instance, incarnation});
    router.setMembers(routed());
  });
  for (const member of membership.members()) meet(member);
  // Those of the table are met above; these may not have seen it yet.
  for (const address of node.join) if (address !== node.cluster) links?.connect({instance: address, address});
  router.setMembers(routed());

  return {
    isHere,
    onGone(listener) {
      listeners.push(listener);
      for (const member of gone) listener(member);
    },
    neighbourDirectories: neighbours.all,
    newPlace({row, facts}) {
      if (
        [dataDirectory, ...neighbours.all()].some(directory =>
          row.logPath.startsWith(join(directory, 'logs/')),
        )
      ) {
        return undefined;
      }

      const owner = {creator: facts.creator, executeUser: row.executeUser, taskID: row.id};
      return jobPaths(dataDirectory, owner, row.createdTime, timeZone);
    },
    setState(state) {
      membership.setState(state);
      router.setMembers(routed());
    },
    stop() {
      stopListening();
      stopLinks?.();
    },
  };
}

const isThere = ({state}: Member): boolean => state === 'joining' || state === 'up' || state === 'leaving';
