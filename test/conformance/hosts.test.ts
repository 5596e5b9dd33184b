/** The conformance suite on the engines that Tenon brings. */
import test from 'ava';
import {conforms, hostCommand} from './run.ts';

test.serial('the shell engine', conforms, hostCommand, 'engines/conformance/profiles/shell.json', [
  'progress/reported',
]);

test.serial('the python engine', conforms, hostCommand, 'engines/conformance/profiles/python.json', []);
