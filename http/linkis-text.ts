/** Texts that Linkis builds the same way in many places; verbatim, since people search for them. */
export type Address = {readonly host: string; readonly port: number};

/** `LinkisException.getMessage`, as it shows up inside messages of the gateway. */
export const exceptionText = (code: number, desc: string, at: Address, service: string): string =>
  `errCode: ${code} ,desc: ${desc} ,ip: ${at.host} ,port: ${at.port} ,serviceKind: ${service}`;

/** The message of an answer made from an error that has a code. */
export const errorText = (code: number, desc: string): string =>
  // Linkis ends it with a full stop; our sentences have one already.
  `error code(错误码): ${code}, error message(错误信息): ${desc.replace(/\.$/, '')}.`;

/** The message of an answer made from an error without a code; the stray `s` is Linkis'. */
export const faultText = (reason: string): string =>
  `operation failed(操作失败)s！the reason(原因)：${reason}`;

export const notLoggedInText = 'You are not logged in, please login first(您尚未登录，请先登录)!';
export const unknownTicketText = 'please login first!(您尚未登录，请先登录!)';
export const expiredTicketText = 'Login has expired, please log in again!(登录已过期，请重新登录！)';
export const notLoggedInCode = 11002;
