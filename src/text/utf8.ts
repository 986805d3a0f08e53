// UTF-8 by hand: byte-level tokenizers need the bytes of one character at a time going in, and coming out bytes that
// may stop in the middle of one. `TextDecoder` would also swallow a byte order mark.

const REPLACEMENT = 0xfffd;

/** Appends the bytes of a code point; half of a surrogate pair has none and is written as U+FFFD. */
export function pushUtf8(codePoint: number, bytes: number[]): void {
  const c = codePoint >= 0xd800 && codePoint <= 0xdfff ? REPLACEMENT : codePoint;
  if (c < 0x80) bytes.push(c);
  else if (c < 0x800) bytes.push(0xc0 | (c >> 6), 0x80 | (c & 63));
  else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  else bytes.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
}

/** The text of some bytes. Each longest run that could have begun a character, but did not become one, is one U+FFFD. */
export function decodeUtf8(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const more =
      lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    let codePoint = lead & (0x3f >> more);
    let taken = 0;
    for (; taken < more; taken++) {
      const byte = bytes[at];
      if (byte === undefined || !continues(lead, byte, taken)) break;
      codePoint = (codePoint << 6) | (byte & 63);
      at++;
    }
    text += String.fromCodePoint(more > 0 && taken === more ? codePoint : REPLACEMENT);
  }
  return text;
}

/** Whether `byte` may stand `taken` bytes after `lead`: no overlong forms, no surrogates, nothing past U+10FFFF. */
function continues(lead: number, byte: number, taken: number): boolean {
  const low = taken > 0 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = taken > 0 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= low && byte <= high;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of some bytes, or null where they are not UTF-8. */
export function strictUtf8(bytes: readonly number[]): string | null {
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
