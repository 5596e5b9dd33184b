/** What a frame may hold, beside `frameBytesMax`. A sender keeps below, a receiver checks before it builds anything. */

/** Bytes of one message; leaves room for the rest of its frame. Larger data goes in pieces. */
export const messageBytesMax = 7 * 1024 * 1024;
/** How deep values lie in each other, the batch and the envelope included. */
export const nestingMax = 64;
/** Values in one frame: numbers, texts, arrays, objects and so on. */
export const valuesMax = 2_000_000;
/** Fields of one object. */
export const fieldsMax = 4096;
/** A batch is sent when it holds so many envelopes, or about so many bytes. */
export const batchEnvelopesMax = 512;
export const batchBytesMax = 64 * 1024;
/** A message with more bytes than these in one piece goes to the bulk lane. */
export const bulkBytesMin = 4096;
