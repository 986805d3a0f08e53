// The language that kernels are written in: scalar and four-lane expressions over one flat memory, and loop nests of
// statements. An emitter turns it into WebAssembly, the interpreter into meaning. Expressions are immutable DAGs: a
// node object used twice in one statement is computed once.

/** Types of one value. `bool` is the result of a comparison; a `…x4` holds four lanes of 32 bits. */
export type Scalar = "f32" | "f64" | "i32" | "i64" | "bool";
export type Vector = "f32x4" | "i32x4" | "boolx4";
export type Type = Scalar | Vector;

/** How a value lies in memory. Narrow integers widen to i32 (u8/u16 with zeros, i8/i16 with the sign). */
export type Elem = "f32" | "f64" | "i32" | "i64" | "i16" | "u16" | "i8" | "u8";

export const elemBytes: { readonly [e in Elem]: number } = {
  f32: 4,
  f64: 8,
  i32: 4,
  i64: 8,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
};

/**
 * One-argument operations. Floats: all but `not`. Integers: `neg`, `abs`, and `not` (bitwise). Bools: `not`.
 * `round` is half-to-even. `exp log log1p expm1 sin cos tanh erf` mean the mathematical function, rounded once,
 * and so does `normalCdf`, the standard normal distribution Φ (f32 code may be off by 2e-7 of 1).
 */
export type UnaryOp =
  | "neg"
  | "abs"
  | "sqrt"
  | "floor"
  | "ceil"
  | "trunc"
  | "round"
  | "exp"
  | "log"
  | "log1p"
  | "expm1"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "normalCdf"
  | "not";

/**
 * Two-argument operations on equal types. `div` on integers truncates (division by 0 gives 0); `rem` is the truncated
 * remainder (x rem 0 is 0), on floats C's fmod; `min`/`max` let a NaN win, and of two zeros give either; `pow`, of floats
 * only, is C's. `and or xor` are bitwise on integers, logical on bools; `shl`, `shr` (arithmetic) and `shru` are for
 * integers, the amount, of the same type, taken modulo the width (for vectors: a scalar i32 constant).
 */
export type ArithmeticOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "min"
  | "max"
  | "pow"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "shru";

/** Comparisons: equal types in, bool (or boolx4) out; signed for integers. `ltu` compares i32 as unsigned. */
export type CompareOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "ltu";

export interface Var {
  readonly k: "var";
  readonly type: Type;
  readonly name: string;
  /** Unique in its kernel; what the emitter and interpreter key on. */
  readonly id: number;
}

export type Expr =
  | { readonly k: "const"; readonly type: Type; readonly value: number }
  | Var
  | {
      /**
       * The element at byte address `base + (index + offset) * bytes`; as a vector: four adjacent elements, or one in all
       * lanes (`splat`). An offset above 0 is added without wrapping: `base + index * bytes` must be an address itself.
       */
      readonly k: "load";
      readonly type: Type;
      readonly elem: Elem;
      readonly base: Expr;
      readonly index: Expr;
      readonly offset: number;
      readonly splat: boolean;
    }
  | { readonly k: "unary"; readonly type: Type; readonly op: UnaryOp; readonly a: Expr }
  | { readonly k: "binary"; readonly type: Type; readonly op: ArithmeticOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "compare"; readonly type: Type; readonly op: CompareOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "select"; readonly type: Type; readonly c: Expr; readonly a: Expr; readonly b: Expr }
  /** `a * b + c`, fused where the machine can, else rounded twice. */
  | { readonly k: "fma"; readonly type: Type; readonly a: Expr; readonly b: Expr; readonly c: Expr }
  /**
   * Value-preserving conversion: float to integer truncates and saturates (NaN gives 0), bool gives 0 or 1, number to bool
   * is `!= 0`, scalar to vector of the same lane fills all lanes.
   */
  | { readonly k: "cast"; readonly type: Type; readonly a: Expr }
  /** The same bits as another type of equal width (f32/i32, f64/i64, f32x4/i32x4). */
  | { readonly k: "bits"; readonly type: Type; readonly a: Expr }
  | { readonly k: "lane"; readonly type: Type; readonly a: Expr; readonly lane: number }
  /** Four lanes picked from the eight of `a` (0–3) and `b` (4–7). */
  | {
      readonly k: "shuffle";
      readonly type: Type;
      readonly a: Expr;
      readonly b: Expr;
      readonly lanes: readonly [number, number, number, number];
    };

export type Stmt =
  | { readonly k: "set"; readonly target: Var; readonly value: Expr }
  | {
      /** Writes at `base + (index + offset) * bytes`. A vector writes its first `lanes` (1 or 4) lanes. */
      readonly k: "store";
      readonly elem: Elem;
      readonly base: Expr;
      readonly index: Expr;
      readonly offset: number;
      readonly value: Expr;
      readonly lanes: 1 | 4;
    }
  /** `for (i = from; i < to; i += step)`, signed, `to` and `step` evaluated once. */
  | {
      readonly k: "for";
      readonly counter: Var;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: Expr;
      readonly body: readonly Stmt[];
    }
  | { readonly k: "while"; readonly condition: Expr; readonly body: readonly Stmt[] }
  | { readonly k: "if"; readonly condition: Expr; readonly then: readonly Stmt[]; readonly otherwise: readonly Stmt[] };

/** A pointer is a byte address (i32, unsigned); other parameters are plain numbers. */
export type ParamType = "ptr" | "i32" | "f32" | "f64";

export interface Param {
  readonly name: string;
  readonly type: ParamType;
  readonly variable: Var;
}

/**
 * A kernel does the tasks `begin … end-1` of a larger range; `thread` says which of the pool's threads runs it (for
 * private scratch memory). Its result must not depend on how the range is cut or on who runs a part.
 */
export interface Kernel {
  readonly name: string;
  readonly params: readonly Param[];
  readonly begin: Var;
  readonly end: Var;
  readonly thread: Var;
  readonly body: readonly Stmt[];
  /** How many variables there are: ids run from 0 to this less one. */
  readonly variables: number;
}

/** The lane type of a vector, or the scalar itself. */
export function laneOf(type: Type): Scalar {
  return type === "f32x4" ? "f32" : type === "i32x4" ? "i32" : type === "boolx4" ? "bool" : type;
}

export function isVector(type: Type): type is Vector {
  return type === "f32x4" || type === "i32x4" || type === "boolx4";
}

export function isFloat(type: Type): boolean {
  const lane = laneOf(type);
  return lane === "f32" || lane === "f64";
}

/** The four-lane twin of a 32-bit scalar type. */
export function vectorOf(type: Scalar): Vector | undefined {
  return type === "f32" ? "f32x4" : type === "i32" ? "i32x4" : type === "bool" ? "boolx4" : undefined;
}
