// Integer division. The machine traps on x / 0 and on the one quotient that overflows; here they give 0 and wrap.

import type { Code } from "./assembler.ts";
import { op } from "./opcodes.ts";

type Instructions = { readonly [name in "xor" | "and" | "add" | "sub" | "div" | "rem" | "eqz" | "ltu"]: number };

/** What operations without an instruction are made of. */
export const integer: { readonly i32: Instructions; readonly i64: Instructions } = {
  i32: {
    xor: op.i32Xor,
    and: op.i32And,
    add: op.i32Add,
    sub: op.i32Sub,
    div: op.i32DivS,
    rem: op.i32RemS,
    eqz: op.i32Eqz,
    ltu: op.i32LtU,
  },
  i64: {
    xor: op.i64Xor,
    and: op.i64And,
    add: op.i64Add,
    sub: op.i64Sub,
    div: op.i64DivS,
    rem: op.i64RemS,
    eqz: op.i64Eqz,
    ltu: op.i64LtU,
  },
};

/** Leaves `x / y` or `x rem y` of two locals; `flag` is a third one, of i32. */
export function emitDivision(
  code: Code,
  quotient: boolean,
  type: "i32" | "i64",
  x: number,
  y: number,
  flag: number,
): void {
  const { sub, and, add, div, rem, eqz, ltu } = integer[type];
  const constant = (value: number): void => {
    if (type === "i32") code.i32Const(value);
    else code.i64Const(BigInt(value));
  };
  if (!quotient) {
    code.localGet(x); // x rem (y == 0 ? 1 : y)
    constant(1);
    code.localGet(y);
    code.localGet(y);
    code.ops(eqz, op.select, rem);
    return;
  }
  code.localGet(y); // flag: y is 0 or -1; then the quotient is y & -x
  constant(0);
  code.localGet(x);
  code.ops(sub, and);
  code.localGet(x);
  constant(1);
  code.localGet(y);
  code.localGet(y);
  constant(1);
  code.op(add);
  constant(2);
  code.op(ltu);
  code.localTee(flag);
  code.ops(op.select, div);
  code.localGet(flag);
  code.op(op.select);
}
