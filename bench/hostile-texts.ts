// Texts that tokenizers trip over: every block of Unicode, marks without end, emoji sequences, both directions, control
// characters, half surrogate pairs, a megabyte without a space; and random mixtures of all of them, the same on every run.

/** The same numbers in [0, 1) on every run. */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const pieces = [
  "",
  " ",
  "  ",
  "\n",
  "\r\n",
  "\t \n\n ",
  "a",
  " a",
  "a ",
  "   leading and trailing   ",
  "don't we're I'll they'd I'm you've it's DON'T IT'S",
  "tabs\tand\r\nnew\nlines\n\n\nend",
  "3.14159 1,000,000 2024-01-02 0x1F ½ ² Ⅷ ٣ 一二 1234567890123",
  "snake_case camelCase HTMLParser kebab-case path/to/file.txt",
  "http://example.org/?q=1&r=2#frag",
  "=====-----*****.....",
  "!!!???",
  "🙂🙃 👩‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ☺️",
  "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈",
  "日本語のテキスト。中文字符，한국어 텍스트",
  "नमस्ते दुनिया",
  "สวัสดีชาวโลก",
  "שָׁלוֹם עולם",
  "مَرْحَبًا بالعالم",
  "\u202eright to left\u202c",
  "cafe\u0301 caf\u00e9 A\u030a \u00c5 \u212b",
  "e\u0301\u0323\u0302 Z\u0351\u036b\u0343\u036a",
  "ﬁ ﬂ ① ㎏ ｆｕｌｌ　ｗｉｄｔｈ ﷺ ½\u0301",
  "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 각",
  "İstanbul ΑΣΣ ΣΑΣ ß ẞ Ǆ",
  "\x00\x01\x1f\x7f\x85\x9f",
  "zero\u200bwidth\u200djoin\ufeffbom\u00adsoft\u2060",
  "\u00a0nbsp\u2003em\u3000ideo\u2028line\u2029para\x85nel",
  "<s>not special?</s> <pad><unk><mask> [MASK] [CLS] <|endoftext|>",
  "▁▁ meta▁space ▁",
  "Ġ Ċ ĉ Ā ÿ",
  "�",
  "\ud800",
  "x\udc00y",
  "\ud83d",
  "\udffftail",
  "ſhort ſ 'ſ K k",
  "x" + "\u0300".repeat(20),
  "\u{10ffff} \ue000 \u0378",
  "don\u2019t \u201cquote\u201d \u2014 dash\u2026",
  "1st 2nd v1.2.3-rc4+build5",
  "<0x41> <0xE2>",
  "a\u0903b\u0e33c\u0eb3",
  "\u0600١ \u06dd٢",
  "क्षि त्र",
  "a🏽b",
];

/** Characters of Unicode 17, which JavaScript may know and the tables of the Rust side do not. */
const later =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: ranges of characters are meant
  /[\u088f\u0c5c\u0cdc\u1acf-\u1add\u1ae0-\u1aeb\u20c1\u2b96\ua7ce\ua7cf\ua7d2\ua7d4\ua7f1\ufbc3-\ufbd2\ufd90\ufd91\ufdc8-\ufdce\u{10940}-\u{10959}\u{10ec5}-\u{10ed8}\u{10efa}\u{10efb}\u{11b60}-\u{11b67}\u{11db0}-\u{11de9}\u{16ea0}-\u{16ed3}\u{16ff2}-\u{16ff6}\u{187f8}-\u{187ff}\u{18d09}-\u{18d1e}\u{18d80}-\u{18df2}\u{1ccfa}-\u{1ccfc}\u{1ceba}-\u{1cef0}\u{1e6c0}-\u{1e6ff}\u{1f6d8}\u{1f777}-\u{1f77a}\u{1f8d0}-\u{1f8d8}\u{1fa54}-\u{1fa57}\u{1fa8a}\u{1fa8e}\u{1fac8}\u{1facd}\u{1faea}\u{1faef}\u{1fbfa}\u{2b73a}-\u{2b73f}\u{2cea2}-\u{2cead}\u{323b0}-\u{33479}]/u;

/** The pieces, pairs of them, and mixtures. */
export function* hostileTexts(count: number): Generator<string> {
  yield* pieces;
  const random = numbers(11);
  const pick = () => pieces[Math.floor(random() * pieces.length)] ?? "";
  for (let i = 0; i < count; i++) {
    let text = "";
    for (let parts = 1 + random() * 6; parts > 0; parts--) {
      const piece = pick();
      const start = Math.floor(random() * piece.length);
      const kind = random();
      if (kind < 0.4) text += piece;
      else if (kind < 0.7) text += piece.slice(start, start + 1 + random() * 8);
      else if (kind < 0.85) text += String.fromCodePoint(Math.floor(random() * 0x3000)).replace(later, "");
      else text += " ";
    }
    yield text;
  }
}

/** Every code point, 16 to a text, bare, between letters and after a space. */
export function* everyBlock(): Generator<string> {
  for (let first = 0; first < 0x110000; first += 16) {
    // Of the private planes and the empty ones a sample is enough.
    if (first >= 0x32000 && first % 0x1000 !== 0 && !(first >= 0xe0000 && first < 0xe0200)) continue;
    let [bare, mixed] = ["", ""];
    for (let code = first; code < first + 16; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const char = String.fromCodePoint(code);
      if (later.test(char)) continue;
      bare += char;
      mixed += `a${char}b ${char} `;
    }
    yield bare;
    yield mixed;
  }
}

/** Long texts of one kind. */
export function* longTexts(size: number): Generator<string> {
  const random = numbers(3);
  const letters = () => String.fromCharCode(97 + Math.floor(random() * 26));
  yield "a".repeat(size);
  yield Array.from({ length: size }, letters).join("");
  yield " ".repeat(size);
  yield "日本語".repeat(size / 8);
  yield "🙂".repeat(size / 8);
  yield "1".repeat(size);
  yield "=-".repeat(size / 2);
  yield "e\u0301".repeat(size / 8);
}
