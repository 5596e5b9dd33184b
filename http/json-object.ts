/** Reads a JSON text of a row. Rows come from several versions, and from Linkis: what is no object counts as empty. */
import {isRecord} from '../actors/domain/job-params.ts';

/** The object, or an empty one for any other text: one odd row must not make its job unreadable. */
export function parseObject(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
