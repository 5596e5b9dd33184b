/** The files of this node's jobs, for the facades of other nodes. Each call is an effect that answers by itself. */
import {BytesStream} from './bytes-stream.ts';
import {
  filesKey,
  FileStreamClosedError,
  type BytesPiece,
  type FilesMessage,
  type OpenedBytes,
} from './files-protocol.ts';
import type {FileBytes, JobFiles} from './job-files.ts';
import {ServiceBusyError, type Reply} from './remote-call.ts';
import {isFault, toRemoteFailure} from './remote-failure.ts';
import type {ActorContext, Machine} from './runtime/machine.ts';
import type {Receptionist} from './runtime/receptionist.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type FilesServiceDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  /** This node's own. */
  readonly files: JobFiles;
  readonly log: {readonly error: (fields: object, text: string) => void};
  /** Files on their way at a time. */
  readonly streamsMax?: number;
};

type Sweep = {readonly type: 'sweep'};
type Message = FilesMessage | Sweep;

const streamsDefaultMax = 256;
/** A client that takes a piece of 256 KB in longer than that is cut. */
const idleMs = 600_000;

/** Offers this node's files to the others. Returns what ends that: nothing is served any more, files are closed. */
export function startFilesService(dependencies: FilesServiceDependencies): () => Promise<void> {
  const {system, receptionist} = dependencies;
  const ref: Ref<FilesMessage> = system.spawn('files', filesService(dependencies));
  const withdraw = receptionist.publish(filesKey, ref);
  return async () => {
    withdraw();
    await system.stop(ref);
  };
}

function filesService(dependencies: FilesServiceDependencies): Machine<undefined, Message, Message> {
  const {files, system, log, streamsMax = streamsDefaultMax} = dependencies;
  const {clock} = system;
  const streams = new Map<number, BytesStream>();
  let lastId = 0;
  let opening = 0;
  let isSweeping = false;

  function answer<Value>(replyTo: Ref<Reply<Value>>, type: string, call: () => Promise<Value>): void {
    call().then(
      value => replyTo.tell({ok: true, value}),
      (error: unknown) => {
        if (isFault(error)) log.error({call: type, err: error}, 'a call for a file met a fault');
        return replyTo.tell({ok: false, failure: toRemoteFailure(error)});
      },
    );
  }

  /** Opens what `find` gives, unless too much is open; the first piece goes along with the answer. */
  async function open(find: () => Promise<FileBytes | AsyncIterable<Uint8Array>>): Promise<OpenedBytes> {
    if (streams.size + opening >= streamsMax) throw new ServiceBusyError('files', streamsMax);
    opening += 1;
    try {
      const found = await find();
      const isSized = 'sizeBytes' in found;
      const sizeBytes = isSized ? found.sizeBytes : null;
      const stream = new BytesStream(isSized ? found.bytes : found, clock.monotonicMs());
      let streamId: number | null = null;
      try {
        const first = await stream.piece(0);
        if (first?.isLast === false) {
          lastId += 1;
          streamId = lastId;
          streams.set(streamId, stream);
        }
        return {sizeBytes, bytes: first?.bytes ?? nothing, streamId};
      } finally {
        if (streamId === null) await stream.close();
      }
    } finally {
      opening -= 1;
    }
  }

  const openJson = (find: () => Promise<unknown>): Promise<OpenedBytes> =>
    open(async () => {
      const bytes = Buffer.from(JSON.stringify((await find()) ?? null));
      return {sizeBytes: bytes.length, bytes: once(bytes)};
    });

  async function pull(streamId: number, offset: number): Promise<BytesPiece> {
    const stream = streams.get(streamId);
    if (stream === undefined) throw new FileStreamClosedError(streamId, offset);
    stream.touchedAtMs = clock.monotonicMs();
    try {
      const piece = await stream.piece(offset);
      if (piece === undefined) throw new FileStreamClosedError(streamId, offset);
      return piece;
    } catch (error) {
      close(streamId);
      throw error;
    }
  }

  function close(streamId: number): void {
    const stream = streams.get(streamId);
    streams.delete(streamId);
    stream?.close().catch((error: unknown) => log.error({err: error}, 'a file could not be closed'));
  }

  function sweep({setTimer}: ActorContext<Message>): void {
    const nowMs = clock.monotonicMs();
    for (const [streamId, {touchedAtMs}] of streams) if (nowMs - touchedAtMs >= idleMs) close(streamId);
    isSweeping = streams.size + opening > 0;
    if (isSweeping) setTimer('sweep', idleMs / 10, {type: 'sweep'});
  }

  function serve(message: Message): void {
    switch (message.type) {
      case 'list':
        answer(message.replyTo, message.type, () => openJson(() => files.list(message.path)));
        return;
      case 'entry':
        answer(message.replyTo, message.type, () => openJson(() => files.entry(message.path)));
        return;
      case 'resultPage':
        answer(message.replyTo, message.type, () =>
          openJson(() => files.resultPage(message.path, message.request)),
        );
        return;
      case 'exportTables':
        answer(message.replyTo, message.type, () =>
          open(() => files.exportTables(message.paths, message.options)),
        );
        return;
      case 'read':
        answer(message.replyTo, message.type, () => open(() => files.read(message.path)));
        return;
      case 'pull':
        answer(message.replyTo, message.type, () => pull(message.streamId, message.offset));
        return;
      case 'close':
        close(message.streamId);
        return;
      case 'sweep':
        isSweeping = false;
    }
  }

  return {
    initial: undefined,
    decide: (state, message) => ({state, effects: [message]}),
    perform(message, context) {
      serve(message);
      if (!isSweeping) sweep(context);
    },
    stopped() {
      for (const streamId of streams.keys()) close(streamId);
    },
  };
}

const nothing = new Uint8Array(0);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
