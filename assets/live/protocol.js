// Binary frames of /live (docs/live.md): length, JSON header, arrays aligned to 8 bytes.

export const PROTOCOL = 1; // what this page speaks; the server says its own in its hello

const KINDS = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array };

function headerOf(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))), 4 + length];
}

/** Whose a frame is that cannot be read as a whole; null where not even that can be. */
export function keyOf(buffer) {
  try {
    return headerOf(buffer)[0].key ?? null;
  } catch {
    return null;
  }
}

/**
 * Reads a frame. Arrays are views into the frame's buffer, not copies.
 * @param {ArrayBuffer} buffer
 * @returns {object} the header, its `arrays` replaced by `{name: {data, shape}}`
 */
export function decode(buffer) {
  const [header, start] = headerOf(buffer);
  const arrays = {};
  for (const [name, [kind, shape, offset]] of Object.entries(header.arrays ?? {})) {
    const Kind = KINDS[kind];
    if (!Kind) throw new Error(`The frame's array ${name} has the unknown type ${kind}.`);
    const size = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { data: new Kind(buffer, start + offset, size), shape };
  }
  header.arrays = arrays;
  return header;
}
