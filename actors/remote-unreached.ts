/** Whether a failure says only that the wrong node was asked, or that it was not reached: another look may find the right one. */
import {LinkisError} from './domain/errors.ts';
import {NotOwnerError} from './entrance-protocol.ts';
import {RemoteCallError} from './remote-call.ts';
import {RemoteLinkisError} from './remote-failure.ts';

const notOwnerCode = 20963;

export const isUnreached = (error: unknown): error is LinkisError =>
  error instanceof RemoteCallError ||
  error instanceof NotOwnerError ||
  (error instanceof RemoteLinkisError && error.code === notOwnerCode);
