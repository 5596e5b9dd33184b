/** A page of a list that is in memory, with the manners of the other lists: see `readPage` in `job-filter.ts`. */
import {Type} from 'typebox';

/** From 1; a page before that is the first. */
export const PageNumber = Type.Integer({default: 1, maximum: 1_000_000, description: 'from 1'});

export const pageQuery = {
  pageNow: Type.Optional(PageNumber),
  pageSize: Type.Optional(Type.Integer()),
};

const sizeDefault = 20;
const sizeMax = 500;

/** Before the first page is the first, past the last the last again. */
export function pageOf<Item>(
  items: readonly Item[],
  {pageNow = 1, pageSize = sizeDefault}: {readonly pageNow?: number; readonly pageSize?: number},
): readonly Item[] {
  const size = pageSize > 0 ? Math.min(pageSize, sizeMax) : sizeDefault;
  const last = Math.max(1, Math.ceil(items.length / size));
  const page = Math.min(Math.max(1, pageNow), last);
  return items.slice((page - 1) * size, page * size);
}
