/**
 * Bytes that hold something open. A generator's `finally` does not run if nobody ever asks it for its first value, which
 * is what happens when a client leaves before its download begins; this closes in any case.
 */
export function closingBytes(
  bytes: AsyncIterable<Uint8Array>,
  close: () => Promise<void>,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = bytes[Symbol.asyncIterator]();
      let closed: Promise<void> | undefined;
      const closeOnce = async (): Promise<void> => (closed ??= close());
      return {
        async next() {
          try {
            const result = await inner.next();
            if (result.done === true) await closeOnce();
            return result;
          } catch (error) {
            await closeOnce();
            throw error;
          }
        },
        async return() {
          await inner.return?.();
          await closeOnce();
          return {done: true, value: undefined};
        },
      };
    },
  };
}
