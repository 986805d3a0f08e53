// Text as it may stand in XML and HTML, between tags and in attributes.

const entities: { readonly [letter: string]: string } = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
// biome-ignore lint/suspicious/noControlCharactersInRegex: XML forbids them even when escaped
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

export function escapeXml(text: string): string {
  return text.replace(forbidden, " ").replace(/[&<>"]/g, (letter) => entities[letter]!);
}
