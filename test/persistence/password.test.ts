import test from 'ava';
import {hashPassword, passwordBytesMax, verifyPassword} from '../../persistence/password.ts';

test('a password matches its own hash and no other', async t => {
  const [one, two] = await Promise.all([hashPassword('päss wörd'), hashPassword('päss wörd')]);
  t.not(one, two, 'salted');
  t.regex(one, /^scrypt\$32768\$8\$3\$/);
  t.false(one.includes('wörd'));
  t.true(await verifyPassword('päss wörd', one));
  t.false(await verifyPassword('päss wörd ', one));
});

test('the two ways to write an accented letter are one password', async t => {
  const hash = await hashPassword('\u00e9');
  t.true(await verifyPassword('e\u0301', hash));
});

test('nobody logs in without a hash, or with one that is damaged', async t => {
  const hash = await hashPassword('x');
  for (const text of [
    undefined,
    '',
    'plain',
    hash.replace('scrypt', 'bcrypt'),
    `${hash}$`,
    hash.slice(0, -30),
    'scrypt$0$8$1$AA==$AA==',
    'scrypt$1073741824$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  ]) {
    t.false(await verifyPassword('x', text), String(text));
  }
});

test('a hash of another cost is still understood', async t => {
  // python3 -c "import hashlib,base64; print(base64.b64encode(hashlib.scrypt(b'secret', salt=b'saltsaltsaltsalt', n=1024, r=8, p=1, dklen=32)).decode())"
  const text = 'scrypt$1024$8$1$c2FsdHNhbHRzYWx0c2FsdA==$punalsgLVDmabDdlbwVieUjVAmz5/abwyjX3gfy3Xlo=';
  t.true(await verifyPassword('secret', text));
});

test('a password over the limit is refused, and never matches', async t => {
  const long = 'x'.repeat(passwordBytesMax + 1);
  await t.throwsAsync(hashPassword(long), {instanceOf: RangeError});
  t.false(await verifyPassword(long, await hashPassword('')));
});

test('the event loop is free meanwhile', async t => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  await hashPassword('x');
  clearInterval(counting);
  t.true(turns > 3, `${turns} turns`);
});
