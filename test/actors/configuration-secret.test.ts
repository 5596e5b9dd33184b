import test from 'ava';
import {isSecretKey} from '../../actors/configuration-secret.ts';

const secrets = [
  'password',
  'wds.linkis.jdbc.password',
  'PASSWD',
  'pwd',
  'passphrase',
  'clientSecret',
  'credentials',
  'Authorization',
  'Cookie',
  'token',
  'tokens',
  'accessToken',
  'token-code',
  'apiKey',
  'private_key',
  'fs.access.key',
];
const plain = [
  'username',
  'tokenId',
  'token_id',
  'maxTokens',
  'key',
  'wds.linkis.jdbc.connect.url',
  'compass',
];

for (const name of secrets) test(`${name} is a secret`, t => t.true(isSecretKey(name)));
for (const name of plain) test(`${name} is none`, t => t.false(isSecretKey(name)));
