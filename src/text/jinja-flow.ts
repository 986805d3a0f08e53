// `{% break %}` and `{% continue %}` as Python's Jinja has them: what the round wrote before them stays. @huggingface/jinja leaves a
// round by an exception, which takes that text along; so before a template runs, its loops are rewritten to loops without either:
//
//   {% for m in ms %} A {% if x %} B {% break %} {% endif %} C {% endfor %}
//   →  {% set f = namespace(open=true, go=true) %}
//      {% for m in ms %}{% if f.open %}{% set f.go = true %} A {% if x %} B {% set f.open = false %}{% set f.go = false %}{% endif %}
//      {% if f.go %} C {% endif %}{% endif %}{% endfor %}

import { parse, tokenize } from "@huggingface/jinja";

/** A node of the syntax tree; which fields there are, its type says. */
export type Node = { readonly type: string; [field: string]: unknown };

const BLOCKS = ["body", "alternate", "defaultBlock"];

/** Rewrites the program in place. */
export function withoutBreaks(program: Node): void {
  const names = { count: 0 };
  program["body"] = rewriteBlock(program["body"] as Node[], names);
}

function rewriteBlock(block: readonly Node[], names: { count: number }): Node[] {
  return block.flatMap((node) => {
    for (const name of BLOCKS) {
      const inner = node[name];
      if (Array.isArray(inner)) node[name] = rewriteBlock(inner, names);
    }
    const body = node["body"] as Node[]; // of a loop, the only node that it is read of
    if (node.type !== "For" || !body.some(leaves)) return [node];
    const flag = `kindling_flow${names.count++}`;
    node["body"] = [when(`${flag}.open`, [set(`${flag}.go = true`), ...guarded(body, flag)])];
    return [set(`${flag} = namespace(open=true, go=true)`), node];
  });
}

/** Whether a statement can leave the loop that it stands in; another loop or a macro inside it has its own. */
function leaves(node: Node): boolean {
  if (node.type === "Break" || node.type === "Continue") return true;
  if (node.type !== "If") return false;
  return [...(node["body"] as Node[]), ...(node["alternate"] as Node[])].some(leaves); // both are blocks
}

/** A block in which what follows a statement that has left the round does not run. */
function guarded(block: readonly Node[], flag: string): Node[] {
  const at = block.findIndex(leaves);
  const node = block[at];
  if (node === undefined) return [...block];
  const before = block.slice(0, at);
  if (node.type === "Break") return [...before, set(`${flag}.open = false`), set(`${flag}.go = false`)];
  if (node.type === "Continue") return [...before, set(`${flag}.go = false`)];
  node["body"] = guarded(node["body"] as Node[], flag); // an `if`, as nothing else leaves
  node["alternate"] = guarded(node["alternate"] as Node[], flag);
  const rest = block.slice(at + 1);
  return [...before, node, ...(rest.length > 0 ? [when(`${flag}.go`, guarded(rest, flag))] : [])];
}

function set(assignment: string): Node {
  return statement(`{% set ${assignment} %}`);
}

function when(condition: string, body: Node[]): Node {
  const node = statement(`{% if ${condition} %}x{% endif %}`);
  node["body"] = body;
  return node;
}

function statement(source: string): Node {
  return parse(tokenize(source)).body[0] as Node; // one statement is one node
}
