/** What may be said about a message or effect in logs and errors: its type, never its content. Never throws. */
export function messageType(message: unknown): string {
  try {
    if (typeof message === 'object' && message !== null && 'type' in message) {
      return typeof message.type === 'string' ? message.type : typeof message;
    }
  } catch {
    // A getter or proxy of the message threw; whoever reads `type` to handle it meets that error and reports it.
  }
  return typeof message;
}
