/** Settings of a governance node for tests: everything by its default, but time zone and places. */
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {Owner} from '../../actors/domain/owner.ts';
import type {NodeSettings} from '../../actors/governance-node.ts';
import {retentionSettings} from '../../actors/retention-settings.ts';
import {governanceSettings} from '../../actors/settings.ts';
import {submissionSettings} from '../../actors/submission-settings.ts';
import {governanceSettingsOf} from '../../node-settings.ts';

export const governanceFixture = (self: Omit<Owner, 'epoch'>, dataDirectory = '/data'): NodeSettings =>
  governanceSettingsOf(
    {
      governance: defaultsOf(governanceSettings),
      submission: defaultsOf(submissionSettings),
      retention: defaultsOf(retentionSettings),
      dataDirectory,
      timeZone: 'UTC',
    },
    self,
    ['shell', 'python'],
  );
