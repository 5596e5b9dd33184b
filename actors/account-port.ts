/** Who may log in, and as what, as a port that `persistence/` implements. */
export type User = {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly tenant: string;
  /** scrypt text, see `persistence/password.ts`; never leaves the store but for verification. */
  readonly passwordHash: string;
};

export type Token = {
  readonly id: number;
  /** Shown to people: the first characters of the token. The token itself is stored only as a hash. */
  readonly hint: string;
  readonly isAdmin: boolean;
  /** Members compared exactly; `*` allows everybody, an empty list nobody. */
  readonly legalUsers: readonly string[];
  readonly legalHosts: readonly string[];
  readonly businessOwner: string;
  readonly createTime: number;
  /** -1: never. */
  readonly elapseDay: number;
};

export type Session = {
  /** SHA-256 of the cookie's value, in hex: a copy of the table opens no session. */
  readonly ticketHash: string;
  readonly user: string;
  readonly createdAt: number;
  readonly lastAccessAt: number;
};

export type AccountStore = {
  readonly user: (name: string) => Promise<User | undefined>;
  readonly users: () => Promise<readonly User[]>;
  /** Adds or replaces. With another password hash than before, the user's sessions end. */
  readonly putUser: (user: User) => Promise<void>;
  /** Rejects with `LastAdministratorError` when nobody else could administer. Ends the user's sessions. */
  readonly removeUser: (name: string) => Promise<boolean>;
  readonly tokenByValue: (token: string) => Promise<Token | undefined>;
  readonly tokens: () => Promise<readonly Token[]>;
  readonly addToken: (token: string, properties: Omit<Token, 'id' | 'hint'>) => Promise<Token>;
  readonly revokeToken: (id: number) => Promise<boolean>;
  readonly session: (ticketHash: string) => Promise<Session | undefined>;
  readonly putSession: (session: Session) => Promise<void>;
  readonly touchSession: (ticketHash: string, at: number) => Promise<void>;
  readonly removeSession: (ticketHash: string) => Promise<void>;
  /** Removes sessions idle since before `before`; returns how many. */
  readonly sweepSessions: (before: number) => Promise<number>;
  /** A value shared by all nodes (the login RSA key): the first writer wins, everybody reads the same. */
  readonly sharedSecret: (name: string, make: () => Promise<string>) => Promise<string>;
};
