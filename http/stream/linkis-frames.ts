/**
 * The frames of Linkis' socket (contract section 6): envelopes whose `method` names the event. A job's pushes carry its
 * execID in the legacy form and the `websocketTag` of the frame that started it.
 */
import {errorLevel, type Failure} from '../../actors/domain/errors.ts';
import {isTerminal} from '../../actors/domain/job.ts';
import {splitLevels} from '../../actors/domain/log-line.ts';
import type {LogChunk} from '../../actors/ports.ts';
import type {Envelope, EnvelopeData} from '../envelope.ts';
import {envelopeStatus} from '../envelope.ts';
import {errorText} from '../linkis-text.ts';
import {restStatus} from '../task-view.ts';
import type {JobSpeech} from './job-speech.ts';

export type LinkisRequest = {
  readonly method: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly websocketTag: string;
};

const serviceRoot = '/api/rest_j/v1/entrance';

export const methodOf = (execID: string, event: string): string => `${serviceRoot}/${execID}/${event}`;

/** Undefined when the text is no such frame. */
export function parseLinkisRequest(text: string): LinkisRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const {method, data, websocketTag} = value as {method?: unknown; data?: unknown; websocketTag?: unknown};
  if (typeof method !== 'string') return undefined;
  return {
    method,
    data: typeof data === 'object' && data !== null ? {...data} : {},
    websocketTag: typeof websocketTag === 'string' ? websocketTag : '',
  };
}

const frame = (envelope: Envelope): Buffer => Buffer.from(JSON.stringify(envelope));

export const success = (method: string, message: string, data: EnvelopeData): Buffer =>
  frame({method, status: envelopeStatus.success, message, data});

export const refusal = (method: string, message: string, data: EnvelopeData): Buffer =>
  frame({method, status: envelopeStatus.error, message, data});

export const notLoggedIn = (method: string, message: string, data: EnvelopeData): Buffer =>
  frame({method, status: envelopeStatus.notLoggedIn, message, data});

export const failure = (method: string, {code, message, retryable}: Failure, data: EnvelopeData): Buffer =>
  refusal(method, errorText(code, message), {
    ...data,
    errorMsg: {level: retryable ? errorLevel.retry : errorLevel.error, errCode: code, desc: message},
  });

export const texts = {
  logText: 'Return log information(返回日志信息)',
  statusText: 'Get the status of the task successfully(获取任务状态成功)',
  statusFailedText: 'Get task status failed(获取任务状态失败)',
  killedText: 'Kill task succeeded(kill任务成功)',
  killFailedText: 'Kill task failed(kill任务失败)',
  taskMissingText: 'Get task failed(获取任务失败)',
  pauseText: 'Temporarily does not support the task pause(暂时不支持任务暂停)',
  waitingText: 'Get waiting size succeed.',
  acceptedText: 'Request execution succeeded(请求执行成功)',
  executedText: 'The request was executed successfully!',
  emptyText: 'Empty message!',
  unknownText: (method: string): string =>
    `Unresolvable webSocket request, URI is(无法解析的webSocket请求，URI为：${method}`,
} as const;

export type PushAddress = {readonly taskID: number; readonly execID: string; readonly websocketTag: string};

/** What is pushed for a job that was started on the socket. Its last status comes after its log: there is no `end` here. */
export function linkisSpeech({taskID, execID, websocketTag}: PushAddress): JobSpeech {
  const data = {execID, websocketTag, taskID};
  return {
    isShared: false,
    status: status =>
      isTerminal(status)
        ? undefined
        : success(methodOf(execID, 'status'), texts.statusText, {...data, status: restStatus(status)}),
    progress: (progress, progressInfo) =>
      success(methodOf(execID, 'progress'), 'OK', {...data, progress, progressInfo}),
    log(chunk) {
      const bytes = logFrame(methodOf(execID, 'log'), chunk, data);
      return {fromLine: chunk.fromLine, lineCount: chunk.lineCount, frames: [bytes], bytes: bytes.length};
    },
    gap: (fromLine, toLine, why) => {
      const text = `Lines ${fromLine + 1} to ${toLine} are missing. ${why}`;
      return success(methodOf(execID, 'log'), texts.logText, {...data, log: ['', text, '', text]});
    },
    end: status => success(methodOf(execID, 'status'), texts.statusText, {...data, status}),
    failure: problem => failure(methodOf(execID, 'log'), problem, data),
  };
}

export function logFrame(method: string, chunk: LogChunk | undefined, data: EnvelopeData): Buffer {
  const text = chunk === undefined ? '' : Buffer.from(chunk.bytes).toString('utf8');
  return success(method, texts.logText, {...data, log: splitLevels(text)});
}
