/** How an engine of the cluster is called where `host:port` alone would name its ECM. */
/** What REST calls the engine's instance: no host has a `_` in its name. */
export const engineInstance = (ecm: string, engineId: string): string => `${ecm}_${engineId}`;

/** Of an engine's instance, or of its id alone. */
export const engineIdOf = (name: string): string => name.slice(name.indexOf('_') + 1);
