/** Pieces that bodies of the manager's calls share. Blank and missing are told apart from wrong by the routes, in Linkis' words. */
import {Type} from 'typebox';
import {engineNameCharsMax} from './engine-access.ts';
import {MissingParameterError} from './manager-errors.ts';

export const name = (description: string) =>
  Type.Optional(Type.Union([Type.String({maxLength: engineNameCharsMax}), Type.Null()], {description}));

export const NodeBody = {
  applicationName: name('linkis-cg-engineconn, linkis-cg-engineconnmanager'),
  instance: name('as the lists show it'),
};

/** As the console sends labels back. */
export const LabelList = Type.Optional(
  Type.Union([
    Type.Array(
      Type.Object({
        labelKey: Type.String({maxLength: 64}),
        stringValue: Type.Union([Type.String({maxLength: 255}), Type.Null()]),
      }),
      {maxItems: 100},
    ),
    Type.Null(),
  ]),
);

export type LabelPair = {readonly labelKey: string; readonly stringValue: string | null};

export const isBlank = (text: string | null | undefined): text is null | undefined | '' =>
  text === null || text === undefined || text.trim() === '';

/** The instance of a body that must name one. Throws `MissingParameterError`. */
export function requiredInstance({
  applicationName,
  instance,
}: {
  readonly applicationName?: string | null;
  readonly instance?: string | null;
}): string {
  if (isBlank(applicationName)) throw new MissingParameterError('applicationName');
  if (isBlank(instance)) throw new MissingParameterError('instance');
  return instance.trim();
}
