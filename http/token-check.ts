/** Whether a token row lets this user in from this address, in Linkis' order of checks (contract 2.5). Pure. */
import type {Token} from '../actors/account-port.ts';

export type TokenFault = {readonly code: number; readonly desc: string};

const dayMs = 86_400_000;

/** Undefined: it does. `token` undefined: there is no such row. */
export function tokenFault(
  token: Token | undefined,
  value: string,
  user: string,
  address: string,
  now: number,
): TokenFault | undefined {
  if (token === undefined) {
    return {code: 15_204, desc: 'Invalid Token(数据库中未配置的无效令牌)'};
  }
  if (token.elapseDay !== -1 && now > token.createTime + token.elapseDay * dayMs) {
    return {code: 15_201, desc: `Token is not valid or stale(${value} 令牌已过期)!`};
  }
  if (!allows(token.legalUsers, user)) {
    return {code: 15_202, desc: `Illegal TokenUser for Token(Token非法用户: ${user})!`};
  }
  if (!allows(token.legalHosts, address)) {
    return {code: 15_203, desc: `Illegal Host for Token(非法ip: ${address})!`};
  }
  return undefined;
}

/** Members are compared exactly; `*` allows everybody, an empty list nobody. */
const allows = (members: readonly string[], one: string): boolean =>
  members.includes('*') || members.includes(one);
