/**
 * Prints the pages that only the code can keep true: `docs/configuration.md` from the settings that `config.ts` joins, and
 * `docs/errors.md` from the classes that extend `LinkisError`.
 *
 *     node tools/docs.ts            writes both
 *     node tools/docs.ts --check    writes nothing; exits with 1 and names the page that is not current (CI)
 */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {environmentName, settingGroups} from '../config.ts';
import {configurationPage} from './docs/configuration-page.ts';
import {errorsPage} from './docs/errors-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = {
  'docs/configuration.md': configurationPage({groups: settingGroups, environmentName}),
  'docs/errors.md': errorsPage(root),
};

const isCheck = process.argv.includes('--check');
for (const [path, content] of Object.entries(pages)) {
  const file = join(root, path);
  const isCurrent = existsSync(file) && readFileSync(file, 'utf8') === content;
  if (isCurrent) continue;
  if (isCheck) {
    console.error(`${path} is not what the code says now. Run \`npm run docs\` and commit it.`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, content);
    console.log(`${path} written`);
  }
}
