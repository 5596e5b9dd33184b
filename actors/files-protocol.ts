/**
 * What nodes ask of each other's files: the service `files`. Every answer is bytes: those of a file as they are, all else
 * as JSON. What is more than one message holds stays open under a number, and is pulled piece by piece, so that a reader
 * that is slow costs the holder one piece.
 */
import {Type, type Static} from 'typebox';
import {Compile} from 'typebox/compile';
import {LinkisError} from './domain/errors.ts';
import {bytesSchema, pieceBytesMax, refSchema, replyCheck, type Reply} from './remote-call.ts';
import type {ServiceKey} from './runtime/receptionist.ts';

/** The beginning of an answer. */
export type OpenedBytes = {
  /** Of the whole; null where only the end tells. */
  readonly sizeBytes: number | null;
  readonly bytes: Uint8Array;
  /** Null: that was all. */
  readonly streamId: number | null;
};

export type BytesPiece = {readonly bytes: Uint8Array; readonly isLast: boolean};

const path = Type.String({maxLength: 4096});
const count = Type.Integer({minimum: 0, maximum: Number.MAX_SAFE_INTEGER});
const text = Type.String({maxLength: 4096});
const texts = Type.Array(text, {maxItems: 100_000});
const opened = refSchema<Reply<OpenedBytes>>();

const FilesMessage = Type.Union([
  Type.Object({type: Type.Literal('list'), path, replyTo: opened}),
  Type.Object({type: Type.Literal('entry'), path, replyTo: opened}),
  Type.Object({
    type: Type.Literal('resultPage'),
    path,
    request: Type.Object({
      page: count,
      pageSize: count,
      nullValue: Type.Union([
        Type.Object({type: Type.Literal('keep')}),
        Type.Object({type: Type.Literal('text'), text}),
        Type.Object({type: Type.Literal('default')}),
      ]),
      maskedColumns: texts,
      columnPage: Type.Optional(Type.Object({page: count, size: count})),
    }),
    replyTo: opened,
  }),
  Type.Object({
    type: Type.Literal('exportTables'),
    paths: Type.Array(path, {maxItems: 10_000}),
    options: Type.Object({
      format: Type.Union([Type.Literal('csv'), Type.Literal('xlsx')]),
      separator: text,
      quotesAll: Type.Boolean(),
      keepsNewlines: Type.Boolean(),
      nullValue: text,
      rowsMax: count,
      maskedColumns: texts,
      sheetName: text,
    }),
    replyTo: opened,
  }),
  Type.Object({type: Type.Literal('read'), path, replyTo: opened}),
  /** Goes on at `offset`; the piece before may be asked for again, should its answer have been lost. */
  Type.Object({
    type: Type.Literal('pull'),
    streamId: count,
    offset: count,
    replyTo: refSchema<Reply<BytesPiece>>(),
  }),
  Type.Object({type: Type.Literal('close'), streamId: count}),
]);

export type FilesMessage = Readonly<Static<typeof FilesMessage>>;

const message = Compile(FilesMessage);

export const filesKey: ServiceKey<FilesMessage> = {
  name: 'files',
  accepts: (value): value is FilesMessage => message.Check(value),
};

export const replies = {
  opened: replyCheck<OpenedBytes>(
    Type.Object({
      sizeBytes: Type.Union([count, Type.Null()]),
      bytes: bytesSchema(pieceBytesMax),
      streamId: Type.Union([count, Type.Null()]),
    }),
  ),
  piece: replyCheck<BytesPiece>(Type.Object({bytes: bytesSchema(pieceBytesMax), isLast: Type.Boolean()})),
};

/** Nobody asked for more of it for too long, or the node was started again in between. */
export class FileStreamClosedError extends LinkisError {
  override readonly name = 'FileStreamClosedError';
  readonly code = 20969;
  override readonly retryable = true;

  constructor(streamId: number, offset: number) {
    super(`Nothing is sent any more as stream ${streamId} from byte ${offset}. Read the file again.`);
  }
}
