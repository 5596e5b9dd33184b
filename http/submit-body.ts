/**
 * The body of `entrance/submit` and `entrance/execute`, both forms of contract section 4. It checks types only: what is
 * missing or blank is refused by the entrance, with Linkis' own codes. Unknown keys are allowed, as in Linkis.
 */
import {Type} from 'typebox';

const text = (description: string) => Type.Optional(Type.Union([Type.String(), Type.Null()], {description}));

const textMap = (description: string) =>
  Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {description}));

export const SubmitBody = Type.Object(
  {
    executionContent: Type.Optional(
      Type.Object(
        {code: text('What to run.'), runType: text('shell, python, sql, …; else the label codeType.')},
        {description: 'Chooses the new form.'},
      ),
    ),
    labels: textMap('engineType (shell-1), userCreator (user-creator), codeType, route, executeOnce, …'),
    params: textMap('{variable, configuration: {startup, runtime, special}}'),
    source: textMap('Where the script comes from; texts.'),
    executeUser: text('Obeyed with an administrator’s token only.'),
    formatCode: Type.Optional(Type.Unknown()),
    executionCode: text('Old form: what to run.'),
    executeApplicationName: text('Old form: engine type, with or without version.'),
    requestApplicationName: text('Old form: creator.'),
    runType: text('Old form: shell, python, sql, …'),
    scriptPath: text('Old form.'),
  },
  {additionalProperties: true},
);
