/** Where the profiles of engines that Tenon brings, and of its examples, stand; `NAME.json` each. */
import {fileURLToPath} from 'node:url';

export const profileDirectory = fileURLToPath(new URL('profiles', import.meta.url));
