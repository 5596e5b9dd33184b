/**
 * The files of all jobs, wherever they lie: this node's own, or through the node that holds them (decision 55). Bytes are
 * pulled a piece at a time as the reader takes them. A holder that can't be reached is named; nothing is shown as empty
 * or missing that only can't be looked at.
 */
import {Type, type TSchema} from 'typebox';
import {Compile} from 'typebox/compile';
import {LinkisError} from './domain/errors.ts';
import type {HolderOf} from './file-holder.ts';
import {filesKey, replies, type FilesMessage, type OpenedBytes} from './files-protocol.ts';
import {
  FileMissingError,
  FileNotAllowedError,
  resultTypes,
  type FileEntry,
  type JobFiles,
  type ResultPage,
} from './job-files.ts';
import {
  callRemote,
  RemoteAnswerError,
  RemoteCallError,
  type Asker,
  type Reply,
  type ReplyCheck,
} from './remote-call.ts';
import {RemoteLinkisError} from './remote-failure.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';

/** Logs and results are in the data directory of a node that can't be reached. They are not known to be lost. */
export class HostLostError extends LinkisError {
  override readonly name = 'HostLostError';
  readonly code = 20961;
  override readonly retryable = true;

  constructor(path: string, instance: string, cause?: unknown) {
    super(
      `${path} lies on ${instance}, which can't be reached from this node. Try again when tenon nodes shows it as up.`,
      {cause},
    );
  }
}

export type ClusterJobFilesDependencies = {
  /** This node's own. */
  readonly local: JobFiles;
  /** `host:port` of this node. */
  readonly instance: string;
  readonly receptionist: Receptionist;
  readonly holderOf: HolderOf;
  readonly system: Asker;
};

/** A workbook begins when its first rows were read; a piece, when its blocks were. */
const openMs = 30_000;
const pullMs = 30_000;

type Holder = {readonly instance: string; readonly ref: Ref<FilesMessage>};

type Opening = (replyTo: Ref<Reply<OpenedBytes>>) => FilesMessage;

/** As `JobFiles`; rejects with `HostLostError` besides, also in the middle of bytes. */
export function clusterJobFiles(dependencies: ClusterJobFilesDependencies): JobFiles {
  const {local, instance: own, receptionist, holderOf, system} = dependencies;

  /** Undefined: this node. */
  async function holderOfPath(path: string): Promise<Holder | undefined> {
    const instance = await holderOf(path);
    if (instance === undefined || instance === own) return undefined;
    const ref = receptionist.find(filesKey, instance);
    if (ref !== undefined) return {instance, ref};
    // Data directories may be shared: what is there needs no other node.
    const entry = await local.entry(path).catch(() => undefined);
    if (entry === undefined) throw new HostLostError(path, instance);
    return undefined;
  }

  async function call<Value>(
    {instance, ref}: Holder,
    path: string,
    isReply: ReplyCheck<Value>,
    timeoutMs: number,
    message: (replyTo: Ref<Reply<Value>>) => FilesMessage,
  ): Promise<Value> {
    try {
      return await callRemote(system, {instance, ref, isReply, timeoutMs, message});
    } catch (error) {
      throw understood(error, path, instance);
    }
  }

  const open = (holder: Holder, path: string, message: Opening): Promise<OpenedBytes> =>
    call(holder, path, replies.opened, openMs, message);

  function bytesOf(holder: Holder, path: string, {bytes, streamId}: OpenedBytes): AsyncIterable<Uint8Array> {
    const pull = (id: number, offset: number) =>
      call(holder, path, replies.piece, pullMs, replyTo => ({type: 'pull', streamId: id, offset, replyTo}));
    return {
      [Symbol.asyncIterator]() {
        let first: Uint8Array | undefined = bytes;
        let openId = streamId;
        let offset = bytes.length;
        const end = (): void => {
          if (openId !== null) holder.ref.tell({type: 'close', streamId: openId});
          openId = null;
        };
        return {
          async next() {
            if (first !== undefined && first.length > 0) {
              const value = first;
              first = undefined;
              return {done: false, value};
            }
            if (openId === null) return {done: true, value: undefined};
            try {
              const piece = await pull(openId, offset).catch((error: unknown) => {
                // The answer may have got lost; the holder keeps its last piece for that.
                if (openId === null || !(error instanceof HostLostError)) throw error;
                return pull(openId, offset);
              });
              offset += piece.bytes.length;
              if (piece.isLast) end();
              return piece.bytes.length === 0
                ? {done: true, value: undefined}
                : {done: false, value: piece.bytes};
            } catch (error) {
              end();
              throw error;
            }
          },
          async return() {
            first = undefined;
            end();
            return {done: true, value: undefined};
          },
        };
      },
    };
  }

  async function readJson<Value>(
    holder: Holder,
    path: string,
    isValue: (value: unknown) => value is Value,
    message: Opening,
  ): Promise<Value> {
    const blocks: Uint8Array[] = [];
    const opened = await open(holder, path, message);
    for await (const block of bytesOf(holder, path, opened)) blocks.push(block);
    const value = parseJson(Buffer.concat(blocks).toString());
    if (!isValue(value)) throw new RemoteAnswerError(holder.instance, 'files');
    return value;
  }

  return {
    async list(path) {
      const holder = await holderOfPath(path);
      if (holder === undefined) return local.list(path);
      const entries = await readJson(holder, path, isEntries, replyTo => ({type: 'list', path, replyTo}));
      return entries ?? undefined;
    },
    async entry(path) {
      const holder = await holderOfPath(path);
      if (holder === undefined) return local.entry(path);
      const entry = await readJson(holder, path, isEntry, replyTo => ({type: 'entry', path, replyTo}));
      return entry ?? undefined;
    },
    async resultPage(path, request) {
      const holder = await holderOfPath(path);
      if (holder === undefined) return local.resultPage(path, request);
      const {maskedColumns, ...rest} = request;
      return readJson(holder, path, isPage, replyTo => ({
        type: 'resultPage',
        path,
        request: {...rest, maskedColumns: [...maskedColumns]},
        replyTo,
      }));
    },
    async exportTables(paths, options) {
      // Those of one call are of one job.
      const [path = ''] = paths;
      const holder = await holderOfPath(path);
      if (holder === undefined) return local.exportTables(paths, options);
      const {maskedColumns, ...rest} = options;
      const opened = await open(holder, path, replyTo => ({
        type: 'exportTables',
        paths: [...paths],
        options: {...rest, maskedColumns: [...maskedColumns]},
        replyTo,
      }));
      return bytesOf(holder, path, opened);
    },
    async read(path) {
      const holder = await holderOfPath(path);
      if (holder === undefined) return local.read(path);
      const opened = await open(holder, path, replyTo => ({type: 'read', path, replyTo}));
      return {sizeBytes: opened.sizeBytes ?? opened.bytes.length, bytes: bytesOf(holder, path, opened)};
    },
  };
}

/** Two of these failures are told apart by their class; the others by their code. */
function understood(error: unknown, path: string, instance: string): unknown {
  if (error instanceof RemoteCallError) return new HostLostError(path, instance, error);
  if (!(error instanceof RemoteLinkisError)) return error;
  if (error.name === 'FileMissingError') return new FileMissingError(path);
  return error.name === 'FileNotAllowedError' ? new FileNotAllowedError(path) : error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkOf<Value>(schema: TSchema): (value: unknown) => value is Value {
  const compiled = Compile(schema);
  return (value): value is Value => compiled.Check(value);
}

const fileEntry = Type.Object({
  name: Type.String(),
  isDirectory: Type.Boolean(),
  sizeBytes: Type.Number(),
  modifiedAtMs: Type.Number(),
});

const isEntry = checkOf<FileEntry | null>(Type.Union([fileEntry, Type.Null()]));
const isEntries = checkOf<readonly FileEntry[] | null>(Type.Union([Type.Array(fileEntry), Type.Null()]));

const isPage = checkOf<ResultPage>(
  Type.Object({
    type: Type.Union(Object.values(resultTypes).map(number => Type.Literal(number))),
    metadata: Type.Union([
      Type.String(),
      Type.Array(Type.Object({name: Type.String(), type: Type.String(), comment: Type.String()})),
    ]),
    rows: Type.Array(Type.Array(Type.Union([Type.String(), Type.Null()]))),
    columnCount: Type.Number(),
  }),
);
