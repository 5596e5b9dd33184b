/**
 * The answer's shape, `{method, status, message, data}` (Linkis' `Message`), and the HTTP status that goes with each
 * envelope status.
 */
export const envelopeStatus = {
  notLoggedIn: -1,
  success: 0,
  error: 1,
  validationFailed: 2,
  forbidden: 3,
  warning: 4,
} as const;

export type EnvelopeData = Readonly<Record<string, unknown>>;

export type Envelope = {
  /** `/api/…` for services, the full URI for the gateway's own errors, null where Linkis leaves it out. */
  readonly method: string | null;
  readonly status: number;
  readonly message: string;
  readonly data: EnvelopeData;
};

/** Success. A blank message becomes `OK`. */
export const ok = (method: string | null, data: EnvelopeData = {}, message = 'OK'): Envelope => ({
  method,
  status: envelopeStatus.success,
  message,
  data,
});

/** A refusal that a route answers itself; a thrown error becomes one in `error-reply.ts`. */
export const refused = (method: string | null, message: string, data: EnvelopeData = {}): Envelope => ({
  method,
  status: envelopeStatus.error,
  message,
  data,
});

const httpStatuses = new Map<number, number>([
  [envelopeStatus.notLoggedIn, 401],
  [envelopeStatus.success, 200],
  [envelopeStatus.error, 400],
  [envelopeStatus.validationFailed, 412],
  [envelopeStatus.forbidden, 403],
  [envelopeStatus.warning, 206],
]);

/** The HTTP status of an envelope status; 400 for what Linkis doesn't know. */
export const httpStatusOf = (status: number): number => httpStatuses.get(status) ?? 400;

/** What `reply` must have for `send`; Fastify's reply fits. */
type Reply = {readonly code: (status: number) => {readonly send: (body: unknown) => unknown}};

/** Answers with an envelope under its HTTP status. */
export function send(reply: Reply, envelope: Envelope): void {
  reply.code(httpStatusOf(envelope.status)).send(envelope);
}
