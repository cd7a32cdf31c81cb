// Binary frames of /live (docs/live.md): length, JSON header, arrays aligned to 8 bytes.

const KINDS = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u4: Uint32Array };

/**
 * Reads a frame. Arrays are views into the frame's buffer, not copies.
 * @param {ArrayBuffer} buffer
 * @returns {object} the header, its `arrays` replaced by `{name: {data, shape}}`
 */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length;
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
