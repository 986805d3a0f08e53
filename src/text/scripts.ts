// Cuts where the script changes, so that no token is half Latin and half Han. Kana go with Han, as Japanese mixes them,
// and a space with whatever is before it.

import type { Cuts } from "./cuts.ts";

/** All scripts but those whose characters go with any neighbour; a character is looked up once. */
const names = [
  "Common",
  "Inherited",
  "Latin",
  "Greek",
  "Cyrillic",
  "Armenian",
  "Hebrew",
  "Arabic",
  "Syriac",
  "Thaana",
  "Devanagari",
  "Bengali",
  "Gurmukhi",
  "Gujarati",
  "Oriya",
  "Tamil",
  "Telugu",
  "Kannada",
  "Malayalam",
  "Sinhala",
  "Thai",
  "Lao",
  "Tibetan",
  "Myanmar",
  "Georgian",
  "Hangul",
  "Ethiopic",
  "Cherokee",
  "Canadian_Aboriginal",
  "Ogham",
  "Runic",
  "Khmer",
  "Mongolian",
  "Hiragana",
  "Katakana",
  "Bopomofo",
  "Han",
  "Yi",
  "Old_Italic",
  "Gothic",
  "Deseret",
  "Tagalog",
  "Hanunoo",
  "Buhid",
  "Tagbanwa",
  "Limbu",
  "Tai_Le",
  "Linear_B",
  "Ugaritic",
  "Shavian",
  "Osmanya",
  "Cypriot",
  "Braille",
  "Buginese",
  "Coptic",
  "New_Tai_Lue",
  "Glagolitic",
  "Tifinagh",
  "Syloti_Nagri",
  "Old_Persian",
  "Kharoshthi",
  "Balinese",
  "Cuneiform",
  "Phoenician",
  "Phags_Pa",
  "Nko",
  "Sundanese",
  "Lepcha",
  "Ol_Chiki",
  "Vai",
  "Saurashtra",
  "Kayah_Li",
  "Rejang",
  "Lycian",
  "Carian",
  "Lydian",
  "Cham",
  "Tai_Tham",
  "Tai_Viet",
  "Avestan",
  "Egyptian_Hieroglyphs",
  "Samaritan",
  "Lisu",
  "Bamum",
  "Javanese",
  "Meetei_Mayek",
  "Imperial_Aramaic",
  "Old_South_Arabian",
  "Inscriptional_Parthian",
  "Inscriptional_Pahlavi",
  "Old_Turkic",
  "Kaithi",
  "Batak",
  "Brahmi",
  "Mandaic",
  "Chakma",
  "Meroitic_Cursive",
  "Meroitic_Hieroglyphs",
  "Miao",
  "Sharada",
  "Sora_Sompeng",
  "Takri",
  "Caucasian_Albanian",
  "Bassa_Vah",
  "Duployan",
  "Elbasan",
  "Grantha",
  "Pahawh_Hmong",
  "Khojki",
  "Linear_A",
  "Mahajani",
  "Manichaean",
  "Mende_Kikakui",
  "Modi",
  "Mro",
  "Old_North_Arabian",
  "Nabataean",
  "Palmyrene",
  "Pau_Cin_Hau",
  "Old_Permic",
  "Psalter_Pahlavi",
  "Siddham",
  "Khudawadi",
  "Tirhuta",
  "Warang_Citi",
  "Ahom",
  "Anatolian_Hieroglyphs",
  "Hatran",
  "Multani",
  "Old_Hungarian",
  "SignWriting",
  "Adlam",
  "Bhaiksuki",
  "Marchen",
  "Newa",
  "Osage",
  "Tangut",
];

const patterns = names.map((name) => new RegExp(`\\p{Script=${name}}`, "u"));
const ANY = -1;
const HAN = names.indexOf("Han");
const joinsHan = new Set([names.indexOf("Hiragana"), names.indexOf("Katakana")]);
const known = new Map<number, number>();

function scriptOf(code: number): number {
  const found = known.get(code);
  if (found !== undefined) return found;
  const char = String.fromCodePoint(code);
  const script = patterns.findIndex((pattern) => pattern.test(char));
  const fixed = char === " " ? ANY : char === "ー" || joinsHan.has(script) ? HAN : script;
  known.set(code, fixed);
  return fixed;
}

export function unicodeScripts(text: string, base: number, words: Cuts): void {
  let last: number | null = null;
  let start: number | null = null;
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) ?? 0;
    const script = scriptOf(code);
    if (script !== ANY && last !== script) {
      if (start !== null) words.push(base + start, base + at);
      start = at;
    }
    if (script !== ANY) last = script;
    at += code > 0xffff ? 2 : 1;
  }
  // What comes before the first script is nobody's, as in Rust.
  if (start !== null) words.push(base + start, base + text.length);
}
