/**
 * The Node server under the facade: HTTP or HTTPS, with every limit that Node leaves open by default, and an answer in
 * our shape for what is no HTTP at all.
 */
import {readFileSync} from 'node:fs';
import type {RequestListener, Server, ServerOptions} from 'node:http';
import {createServer as createTlsServer} from 'node:https';
import type {Duplex} from 'node:stream';
import {refused} from './envelope.ts';
import type {HttpSettings} from './settings.ts';

// An import would load Node's own fetch with it: 14 MB and 60 ms.
const {createServer, STATUS_CODES} = process.getBuiltinModule('node:http');

/** Throws `TlsFileError`. */
export function createFacadeServer(settings: HttpSettings, onRequest: RequestListener): Server {
  const options = {
    maxHeaderSize: settings.headerBytesMax,
    headersTimeout: Math.min(settings.headersTimeoutMs, settings.requestTimeoutMs),
    requestTimeout: settings.requestTimeoutMs,
    keepAliveTimeout: settings.keepAliveMs,
    // Node looks every 30 s by default, which lets a slow client live three times as long as its limit says.
    connectionsCheckingInterval: Math.min(1000, settings.headersTimeoutMs),
    noDelay: true,
  };
  const isPlain = settings.tlsCertFile === '' && settings.tlsKeyFile === '';
  const server = isPlain ? createServer(options, onRequest) : createTls(settings, options, onRequest);
  server.maxConnections = settings.connectionsMax;
  return server;
}

function createTls(settings: HttpSettings, options: ServerOptions, onRequest: RequestListener): Server {
  const cert = readTls('tlsCertFile', settings.tlsCertFile);
  const key = readTls('tlsKeyFile', settings.tlsKeyFile);
  try {
    return createTlsServer({...options, cert, key, minVersion: 'TLSv1.2'}, onRequest);
  } catch (error) {
    throw new TlsFileError('tlsCertFile', settings.tlsCertFile, error);
  }
}

/** HTTPS was asked for, and its files can't be used. The node must not start without it. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';

  constructor(setting: string, file: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `http.${setting} is ${file === '' ? 'empty' : file}, which does not do: ${why}. HTTPS needs a certificate in` +
        ' tlsCertFile and its key in tlsKeyFile, both readable PEM files.',
      {cause},
    );
  }
}

function readTls(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TlsFileError(setting, file, error);
  }
}

/** For `clientErrorHandler`: the request never became one, so the answer is written by hand. */
export function answerBrokenRequest(error: Error & {readonly code?: string}, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] = explain(error.code);
  const body = JSON.stringify(refused(null, text));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\nConnection: close\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function explain(code: string | undefined): [status: number, text: string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return [
      408,
      'The request took too long to arrive. Send it again, over a faster line or in a smaller piece.',
    ];
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return [431, 'The request head is too large. Shorten the URL or send fewer headers.'];
  }
  return [400, 'This is no HTTP request that can be read.'];
}
