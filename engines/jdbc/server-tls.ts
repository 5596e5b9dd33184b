/** TLS to a database server: as drivers take it. */
import type {TlsMode} from './connection-settings.ts';

/** `unverified` encrypts without asking who is there, as JDBC's `useSSL=true` does. */
export function tlsOptions(mode: TlsMode): {readonly rejectUnauthorized: boolean} | undefined {
  return mode === 'off' ? undefined : {rejectUnauthorized: mode === 'verified'};
}
