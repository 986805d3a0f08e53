import { DeviceError, KindlingError, ShapeError } from "../../src/base/errors.ts";
import { deepEqual, equal, ok, type Suite, suite, throws } from "./harness.ts";

export const errors: Suite = suite("errors", (test) => {
  test("carry their class, name and facts", () => {
    const error = new ShapeError("matmul: inner sizes 64 and 32 differ", { a: [8, 64], b: [32, 10] });
    ok(error instanceof KindlingError);
    ok(error instanceof Error);
    equal(error.name, "ShapeError");
    deepEqual(error.facts, { a: [8, 64], b: [32, 10] });
  });

  test("keep the error that caused them", () => {
    const cause = new RangeError("memory");
    const error = throws(
      () => {
        throw new DeviceError("out of memory", {}, { cause });
      },
      DeviceError,
      /^out of memory$/,
    );
    equal(error.cause, cause);
  });
});
