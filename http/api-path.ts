/**
 * The three spellings of the facade's prefix: `/api/rest_j/v1/…` (every Linkis client; `rest_s` and the like too),
 * `/api/v1/…` and `/api/…`. All become `/api/…`, which is also what services answer as `method`; errors of the gateway
 * itself answer `/api/rest_j/v1/…`, whichever was called (decision 47).
 */
const versioned = /^\/api\/(?:rest_[a-zA-Z]+\/)?v(\d+)(?=\/|\?|$)/;
const canonical = '/api';

export type ApiPath = {
  /** `/api/entrance/submit?x=1`; what is routed. */
  readonly url: string;
  /** A version other than 1 was asked for. */
  readonly unknownVersion?: string;
};

/** Brings any spelling to `/api/…`; other URLs are left as they are. */
export function toApiPath(url: string): ApiPath {
  const match = versioned.exec(url);
  if (match === null) return {url};
  const rest = url.slice(match[0].length);
  return match[1] === '1' ? {url: canonical + rest} : {url, unknownVersion: `v${match[1] ?? ''}`};
}

/** What stands before the query. */
export const pathOf = (url: string): string => {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
};

/** `method` of a service's answer. */
export const serviceMethod = (url: string): string => pathOf(toApiPath(url).url);

/** `method` of an answer that the gateway makes: the path as Linkis' clients call it. */
export function gatewayMethod(url: string): string {
  const path = serviceMethod(url);
  return path.startsWith(`${canonical}/`) ? `/api/rest_j/v1${path.slice(canonical.length)}` : path;
}

/** The service that a path belongs to in Linkis, for `serviceKind` in error bodies; undefined for none we have. */
export function serviceOf(path: string): string | undefined {
  const id = /^\/api\/([^/?]+)/.exec(path)?.[1] ?? '';
  return services.get(id.toLowerCase());
}

const services = new Map<string, string>(
  Object.entries({
    user: 'linkis-mg-gateway',
    gateway: 'linkis-mg-gateway',
    audit: 'linkis-mg-gateway',
    engines: 'linkis-cg-linkismanager',
    engineconnmanager: 'linkis-cg-engineconnmanager',
    entrance: 'linkis-cg-entrance',
    linkismanager: 'linkis-cg-linkismanager',
    engineplugin: 'linkis-cg-linkismanager',
    jobhistory: 'linkis-ps-publicservice',
    filesystem: 'linkis-ps-publicservice',
    configuration: 'linkis-ps-publicservice',
    microservice: 'linkis-ps-publicservice',
    'basedata-manager': 'linkis-ps-publicservice',
    datasource: 'linkis-ps-publicservice',
    bml: 'linkis-ps-publicservice',
    udf: 'linkis-ps-publicservice',
    variable: 'linkis-ps-publicservice',
    errorcode: 'linkis-ps-publicservice',
    'openapi.json': 'linkis-mg-gateway',
  }),
);

export const gatewayService = 'linkis-mg-gateway';
