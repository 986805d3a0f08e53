// Which files of a repository are wanted: patterns as Python's `fnmatch` has them, where `*` also matches `/`.

/** The paths that match any of `allow` (all, where there are none) and none of `ignore`. A folder's pattern ends in `/`. */
export function filterPaths(
  paths: readonly string[],
  { allow, ignore }: { readonly allow?: string | readonly string[]; readonly ignore?: string | readonly string[] },
): string[] {
  const allowed = allow === undefined ? undefined : expressions(allow);
  const ignored = ignore === undefined ? [] : expressions(ignore);
  return paths.filter(
    (path) =>
      (allowed === undefined || allowed.some((one) => one.test(path))) && !ignored.some((one) => one.test(path)),
  );
}

function expressions(patterns: string | readonly string[]): RegExp[] {
  const list = typeof patterns === "string" ? [patterns] : patterns;
  return list.map((pattern) => expressionOf(pattern.replaceAll("\\", "/").replace(/\/$/, "/*")));
}

/** `*`, `?`, `[seq]` and `[!seq]`; runs of `*` are one, so that no pattern takes more than linear steps back. */
export function expressionOf(pattern: string): RegExp {
  let source = "";
  for (const [token] of pattern.matchAll(/\*+|\?|\[[!^]?\]?[^\]]*\]|[\s\S]/gu)) {
    if (token.startsWith("*")) source += "[\\s\\S]*";
    else if (token === "?") source += "[\\s\\S]";
    else if (token.length > 1 && token.startsWith("[")) source += characterClass(token.slice(1, -1));
    else source += token.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  }
  return new RegExp(`^${source}$`, "u");
}

function characterClass(inside: string): string {
  const negated = inside.startsWith("!");
  const body = (negated ? inside.slice(1) : inside).replace(/[\\^\][]/g, "\\$&").replace(/&&|--|~~/g, "\\$&");
  return `[${negated ? "^" : ""}${body}]`;
}
