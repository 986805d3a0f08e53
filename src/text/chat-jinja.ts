// A template in Jinja run over values as Python's Jinja runs it. @huggingface/jinja parses and interprets; where it is not Python's
// its interpreter is extended here: `True` and `None` and lists printed as Python prints them, methods of strings, loops whose rounds
// keep their variables to themselves, and breaks (`jinja-flow.ts`).

import * as library from "@huggingface/jinja";
import { type Node, withoutBreaks } from "./jinja-flow.ts";
import { capitalized, str, stringMethods, type TemplateValue, trimmed } from "./python-text.ts";

/** What of the library's types is used; its own are not found, as they import each other without an extension. */
type Scope = {
  readonly variables: Map<string, TemplateValue>;
  set(name: string, value: unknown): TemplateValue;
  setVariable(name: string, value: TemplateValue): TemplateValue;
};
type Library = {
  readonly Environment: new (outer?: Scope) => Scope;
  readonly Interpreter: new (
    scope: Scope,
  ) => {
    run(program: Node): TemplateValue;
    evaluate(node: Node | undefined, scope: Scope): TemplateValue;
  };
  readonly Template: new (source: string) => { readonly parsed: Node };
};
const { Environment, Interpreter, Template } = library as Library;

type Values = { readonly [name: string]: unknown };

/** Parses a template once; the result renders it. Errors are the parser's and the interpreter's. */
export function compileTemplate(source: string, globals: Values): (values: Values) => string {
  const { parsed } = new Template(source);
  withoutBreaks(parsed);
  const places = placesOf(parsed);
  return (values) => {
    const outer = new Environment();
    for (const [name, value] of Object.entries(globals)) outer.set(name, value);
    const scope = new Environment(outer); // so that a template's variable may have a global's name
    for (const [name, value] of Object.entries(values)) scope.set(name, value);
    return String(new PythonInterpreter(scope, places).run(parsed).value);
  };
}

/** What has to be known of a node's place before it is evaluated. */
type Places = {
  /** Expressions whose values are printed. */
  readonly printed: ReadonlySet<Node>;
  /** The first statement of each loop's round, with the variables that the loop itself has set by then. */
  readonly rounds: ReadonlyMap<Node, ReadonlySet<string>>;
};

const STATEMENTS = new Set([
  "Set",
  "If",
  "For",
  "Macro",
  "CallStatement",
  "FilterStatement",
  "Comment",
  "StringLiteral",
]);

function placesOf(program: Node): Places {
  const [printed, rounds] = [new Set<Node>(), new Map<Node, ReadonlySet<string>>()];
  const visit = (node: Node): void => {
    for (const name of ["body", "alternate", "defaultBlock"]) {
      const block = node[name];
      if (!Array.isArray(block)) continue;
      for (const inner of block as Node[]) {
        if (!STATEMENTS.has(inner.type)) printed.add(inner);
        visit(inner);
      }
    }
    const first = node.type === "For" ? (node["body"] as Node[])[0] : undefined; // a loop's body is a block
    if (first) rounds.set(first, new Set(["loop", "namespace", ...namesOf(node["loopvar"] as Node)])); // a name or a tuple
  };
  visit(program);
  return { printed, rounds };
}

function namesOf(node: Node): string[] {
  return node.type === "TupleLiteral" ? (node["value"] as Node[]).flatMap(namesOf) : [String(node["value"])];
}

/** Filters that take whatever there is as its text. */
const textFilters: { readonly [name: string]: (text: string) => string } = {
  string: (text) => text,
  capitalize: capitalized,
  trim: trimmed,
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
};

class PythonInterpreter extends Interpreter {
  readonly #places: Places;

  constructor(scope: Scope, places: Places) {
    super(scope);
    this.#places = places;
  }

  override evaluate(node: Node | undefined, scope: Scope): TemplateValue {
    if (node === undefined) return super.evaluate(node, scope);
    const own = this.#places.rounds.get(node);
    if (own) for (const name of scope.variables.keys()) if (!own.has(name)) scope.variables.delete(name);
    const value = this.#asPython(node, scope) ?? super.evaluate(node, scope);
    const isText = value.type === "StringValue" || value.type === "UndefinedValue";
    return isText || !this.#places.printed.has(node) ? value : toValue(str(value));
  }

  /** What is not as the library has it. */
  #asPython(node: Node, scope: Scope): TemplateValue | undefined {
    switch (node.type) {
      case "CallExpression":
        return this.#callMethod(node["callee"] as Node, node["args"] as Node[], scope);
      case "BinaryExpression": {
        const operator = node["operator"] as { value: string }; // a token
        if (operator.value !== "~" && operator.value !== "+") return undefined;
        const [left, right] = [this.#value(node["left"], scope), this.#value(node["right"], scope)];
        return operator.value === "~" ? toValue(str(left) + str(right)) : this.#sum(node, left, right, scope);
      }
      case "FilterExpression": {
        const filter = node["filter"] as Node;
        const name = filter.type === "Identifier" ? String(filter["value"]) : "";
        const ofText = Object.hasOwn(textFilters, name) ? textFilters[name] : undefined;
        return ofText && toValue(ofText(str(this.#value(node["operand"], scope))));
      }
      case "TestExpression": {
        if ((node["test"] as Node)["value"] !== "iterable") return undefined;
        const { type } = this.#value(node["operand"], scope);
        return toValue(["StringValue", "ArrayValue", "TupleValue", "ObjectValue"].includes(type) !== node["negate"]);
      }
      default:
        return undefined;
    }
  }

  /** Texts are joined with texts only, as in Python; the library has lists and numbers join in. */
  #sum(node: Node, left: TemplateValue, right: TemplateValue, scope: Scope): TemplateValue {
    const texts = [left, right].filter(({ type }) => type === "StringValue").length;
    if (texts === 2) return toValue(str(left) + str(right));
    if (texts === 1)
      throw new TypeError(`"+" joins texts with texts only, and here is ${kinds(left, right)}; write "~" or | string.`);
    const values = new Environment(scope); // the values are there already
    values.setVariable("left", left);
    values.setVariable("right", right);
    const [first, second] = ["left", "right"].map((value) => ({ type: "Identifier", value }));
    return super.evaluate({ ...node, left: first, right: second }, values);
  }

  #callMethod(callee: Node, args: readonly Node[], scope: Scope): TemplateValue | undefined {
    if (callee.type !== "MemberExpression" || callee["computed"] === true) return undefined;
    const name = String((callee["property"] as Node)["value"]); // a name, as it is not computed
    const method = Object.hasOwn(stringMethods, name) ? stringMethods[name] : undefined;
    if (method === undefined || args.some(({ type }) => type.startsWith("Keyword") || type === "SpreadExpression")) {
      return undefined;
    }
    const object = this.#value(callee["object"], scope);
    if (object.type !== "StringValue") return undefined;
    const out = method(String(object.value), ...args.map((arg) => plain(this.#value(arg, scope))));
    return out === undefined ? undefined : toValue(out);
  }

  #value(node: unknown, scope: Scope): TemplateValue {
    return this.evaluate(node as Node, scope); // a field that holds an expression
  }
}

function kinds(left: TemplateValue, right: TemplateValue): string {
  return [left, right].map(({ type }) => type.replace("Value", "")).join(" + ");
}

function plain(value: TemplateValue): unknown {
  return Array.isArray(value.value) ? (value.value as TemplateValue[]).map(plain) : value.value; // a list holds values
}

function toValue(value: unknown): TemplateValue {
  return new Environment().set("value", value); // what makes the library's values, whose classes are not exported
}
