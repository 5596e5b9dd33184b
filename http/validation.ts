/**
 * Checks what comes in against the routes' schemas. Bodies are taken as they are: `5` is no text, since a coerced value
 * would be stored as if the client had sent it. Queries and paths are text by nature, so there numbers are read from it.
 */
import {Ajv, type ValidateFunction} from 'ajv';
import type {FastifySchemaCompiler} from 'fastify';
import {BadRequestError} from './errors.ts';

type JsonSchema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, {readonly type?: string}>>;
};

/** A compiler for `setValidatorCompiler`; each schema is compiled when it is first needed, and once. */
export function createValidatorCompiler(): FastifySchemaCompiler<unknown> {
  const strict = new Ajv({allErrors: false, strict: false, validateFormats: false, useDefaults: true});
  const reading = new Ajv({
    allErrors: false,
    strict: false,
    validateFormats: false,
    useDefaults: true,
    coerceTypes: true,
  });
  return ({schema, httpPart}) => {
    const isBody = httpPart === 'body';
    const json = schema as JsonSchema;
    const readText = isBody ? [] : keysOtherThanText(json);
    let compiled: ValidateFunction | undefined;
    return (value: unknown) => {
      compiled ??= (isBody ? strict : reading).compile(json);
      // Clients leave the body of a POST out where all of it is optional.
      const data = isBody && value === null && json.type === 'object' ? {} : value;
      for (const key of readText) dropIfBlank(data, key);
      return compiled(data) ? {value: data} : {error: new BadRequestError(explain(compiled, httpPart ?? ''))};
    };
  };
}

const keysOtherThanText = ({properties = {}}: JsonSchema): string[] =>
  Object.keys(properties).filter(key => properties[key]?.type !== 'string');

/** The console sends `taskID=` for no filter: that is no number, and not meant as one. */
function dropIfBlank(data: unknown, key: string): void {
  if (typeof data === 'object' && data !== null && Reflect.get(data, key) === '') {
    Reflect.deleteProperty(data, key);
  }
}

/** `body/labels must be object`: where, and what was expected there. */
function explain({errors}: ValidateFunction, part: string): string {
  const [first] = errors ?? [];
  const where = `${part}${first?.instancePath ?? ''}`;
  const expected = (errors ?? [])
    .filter(({instancePath, keyword}) => instancePath === first?.instancePath && keyword !== 'anyOf')
    .map(({message = 'is not as described'}) => message);
  return `Verification failed: ${where} ${[...new Set(expected)].join(' or ')}. See /api/openapi.json`;
}
