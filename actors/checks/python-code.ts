/** Refuses Python code with a listed call (Linkis: `PythonCodeCheckInterceptor`); off unless configured. */
import {languageOf} from '../domain/code-language.ts';
import {LinkisError} from '../domain/errors.ts';
import type {Check} from './job-draft.ts';

/** Python code contains a call that this node's configuration forbids. */
export class PythonCodeError extends LinkisError {
  override readonly name = 'PythonCodeError';
  readonly code = 20074;

  constructor(call: string) {
    super(`The code calls ${call}, which this node forbids – see pythonDangerousCalls in the configuration.`);
  }
}

export const checkPythonCode: Check = (draft, {settings}) => {
  if (!settings.pythonCodeCheck || languageOf(draft.codeType) !== 'python') return draft;
  const call = settings.pythonDangerousCalls.find(name => calls(draft.code, name));
  if (call !== undefined) throw new PythonCodeError(call);
  return draft;
};

/** The name as a whole, with an opening parenthesis behind it, on a line that is no comment. */
function calls(code: string, name: string): boolean {
  for (let at = code.indexOf(name); at >= 0; at = code.indexOf(name, at + 1)) {
    const before = code[at - 1] ?? '\n';
    const after = code.slice(at + name.length, at + name.length + 20).trimStart();
    const lineStart = code.lastIndexOf('\n', at) + 1;
    const isComment = /^[ \t]*#/.test(code.slice(lineStart, lineStart + 200));
    if (!/[\w.]/.test(before) && after.startsWith('(') && !isComment) return true;
  }
  return false;
}
