/** Text of others, such as a database's message, without the password that was given to them. */

/** Shorter ones occur in any text, and hiding them would tell more than it hides. */
const secretCharsMin = 3;

export function hidden(text: string, secret: string): string {
  if (secret.length < secretCharsMin) return text;
  return text.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***');
}
