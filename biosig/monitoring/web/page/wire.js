// Messages from the monitor: uint32 length, JSON header, float32 samples (see wire.py beside this folder).

export const VERSION = 1;

const decoder = new TextDecoder();

/** @param {ArrayBuffer} message */
export function unpack(message) {
  const length = new DataView(message).getUint32(0, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(message, 4, length)));
  return [header, new Float32Array(message, 4 + length)];
}
