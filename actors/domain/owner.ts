/**
 * Who owns a job: `host:port#incarnation#epoch` in the row's `instances`. The epoch rises at every take-over, so a
 * former owner's writes match no row. Whatever leaves through HTTP is cut at the first `#`, which is Linkis' form.
 */
export type Owner = {readonly instance: string; readonly incarnation: string; readonly epoch: number};

export const printOwner = ({instance, incarnation, epoch}: Owner): string =>
  `${instance}#${incarnation}#${epoch}`;

/** Rows that Linkis wrote have the instance alone: they get epoch 0 and an incarnation that is never alive. */
export function parseOwner(text: string): Owner {
  const [instance = '', incarnation = '', epoch = '0'] = text.split('#');
  return {instance, incarnation, epoch: Number(epoch)};
}

export const instanceOf = (instances: string): string => instances.split('#', 1)[0] ?? '';
