/** Engine type and user-creator label must be there, and the label's user must be the one who executes (50079, 50080). */
import {LinkisError} from '../domain/errors.ts';
import {parseUserCreator} from '../domain/label.ts';
import type {Check} from './job-draft.ts';

/** The job has no label that says which engine it wants. */
export class EngineTypeLabelMissingError extends LinkisError {
  override readonly name = 'EngineTypeLabelMissingError';
  readonly code = 50079;

  constructor() {
    super('engineTypeLabel must be need');
  }
}

/** The job has no label that says whose job it is. */
export class UserCreatorLabelMissingError extends LinkisError {
  override readonly name = 'UserCreatorLabelMissingError';
  readonly code = 50079;

  constructor() {
    super('UserCreatorLabel must be need');
  }
}

/** The label `userCreator` names somebody else than the execute user. */
export class UserMismatchError extends LinkisError {
  override readonly name = 'UserMismatchError';
  readonly code = 50080;

  constructor(submitUser: string, executeUser: string, labelUser: string) {
    super(
      `SubmitUser : ${submitUser} must be the same as ExecuteUser : ${executeUser} ,` +
        ` and user : ${labelUser} in userCreatorLabel.`,
    );
  }
}

/** Names are compared ignoring case: clients send them as typed, the session has them in lower case. */
export const checkLabels: Check = draft => {
  const {labels, submitUser, executeUser} = draft;
  const {engineType, userCreator} = labels;
  if (engineType === undefined || engineType === '') throw new EngineTypeLabelMissingError();
  if (userCreator === undefined || userCreator === '') throw new UserCreatorLabelMissingError();
  const labelUser = parseUserCreator(userCreator, executeUser)?.user ?? userCreator;
  if (labelUser.toLowerCase() !== executeUser.toLowerCase()) {
    throw new UserMismatchError(submitUser, executeUser, labelUser);
  }
  return draft;
};
