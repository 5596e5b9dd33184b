import test from 'ava';
import {errorReply, type FailedRequest} from '../../http/error-reply.ts';
import {SubmissionError} from '../support/fake-governance.ts';

const request: FailedRequest = {
  url: '/api/rest_j/v1/entrance/submit',
  requestId: 'r-1',
  body: {},
  bodyText: '{}',
  instance: {host: 'gw.example.com', port: 9001},
  bodyBytesMax: 1000,
};

const messageOf = (text: string): string =>
  errorReply(new SubmissionError(20_009, text), request).envelope.message;

test('the message ends in one full stop, whether its text brings one or not', t => {
  const prefix = 'error code(错误码): 20009, error message(错误信息): ';
  t.is(messageOf('It failed. Try again.'), `${prefix}It failed. Try again.`);
  t.is(messageOf('It failed'), `${prefix}It failed.`);
  t.is(messageOf('Not permitted(无权限)!'), `${prefix}Not permitted(无权限)!.`, 'as Linkis words it');
});

test('the description for programs is the text as it is', t => {
  const {data} = errorReply(new SubmissionError(20_009, 'It failed.'), request).envelope;
  t.like(data, {errorMsg: {desc: 'It failed.', errCode: 20_009}});
});
