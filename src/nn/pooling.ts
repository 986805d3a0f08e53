// Pooling layers.

import * as f from "../tensor/functional/pooling.ts";
import type { Sizes } from "../tensor/functional/windows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";
import { pyBool, pyTuple } from "./python.ts";

const shown = (sizes: Sizes): string => (typeof sizes === "number" ? String(sizes) : pyTuple(sizes));
const listed = (sizes: Sizes): string => pyTuple(typeof sizes === "number" ? [sizes] : sizes);

const shownSizes = (sizes: number | readonly (number | null)[]): string =>
  typeof sizes === "number" ? String(sizes) : `(${sizes.map((s) => s ?? "None").join(", ")})`;

abstract class MaxPool extends Module<[x: Tensor], Tensor> {
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes;
  readonly dilation: Sizes;
  readonly ceilMode: boolean;
  constructor(kernelSize: Sizes, options: f.MaxPoolOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.dilation = options.dilation ?? 1;
    this.ceilMode = options.ceilMode ?? false;
  }
  override extraRepr(): string {
    const sizes = `kernel_size=${shown(this.kernelSize)}, stride=${shown(this.stride)}, padding=${shown(this.padding)}`;
    return `${sizes}, dilation=${shown(this.dilation)}, ceil_mode=${pyBool(this.ceilMode)}`;
  }
}
/** The largest of each window of `[N, C, L]` or `[C, L]`. */
export class MaxPool1d extends MaxPool {
  forward(x: Tensor): Tensor {
    return f.maxPool1d(x, this.kernelSize, this);
  }
}
/** The largest of each window of `[N, C, H, W]` or `[C, H, W]`. */
export class MaxPool2d extends MaxPool {
  forward(x: Tensor): Tensor {
    return f.maxPool2d(x, this.kernelSize, this);
  }
}

abstract class AvgPool extends Module<[x: Tensor], Tensor> {
  readonly kernelSize: Sizes;
  readonly stride: Sizes;
  readonly padding: Sizes;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  constructor(kernelSize: Sizes, options: f.AvgPoolOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.ceilMode = options.ceilMode ?? false;
    this.countIncludePad = options.countIncludePad ?? true;
  }
}
/** The mean of each window of `[N, C, L]` or `[C, L]`. */
export class AvgPool1d extends AvgPool {
  forward(x: Tensor): Tensor {
    return f.avgPool1d(x, this.kernelSize, this);
  }
  override extraRepr(): string {
    return `kernel_size=${listed(this.kernelSize)}, stride=${listed(this.stride)}, padding=${listed(this.padding)}`;
  }
}
/** The mean of each window of `[N, C, H, W]` or `[C, H, W]`. */
export class AvgPool2d extends AvgPool {
  forward(x: Tensor): Tensor {
    return f.avgPool2d(x, this.kernelSize, this);
  }
  override extraRepr(): string {
    return `kernel_size=${shown(this.kernelSize)}, stride=${shown(this.stride)}, padding=${shown(this.padding)}`;
  }
}

/** The largest of each of `outputSize` parts of L: `[N, C, L]` or `[C, L]` to `[…, outputSize]`. */
export class AdaptiveMaxPool1d extends Module<[x: Tensor], Tensor> {
  readonly outputSize: number;
  constructor(outputSize: number) {
    super();
    this.outputSize = outputSize;
  }
  forward(x: Tensor): Tensor {
    return f.adaptiveMaxPool1d(x, this.outputSize);
  }
  override extraRepr(): string {
    return `output_size=${this.outputSize}`;
  }
}
/** The largest of each part of H and W: `[N, C, H, W]` or `[C, H, W]` to `[…, OH, OW]`; null keeps a size. */
export class AdaptiveMaxPool2d extends Module<[x: Tensor], Tensor> {
  readonly outputSize: number | readonly (number | null)[];
  constructor(outputSize: number | readonly (number | null)[]) {
    super();
    this.outputSize = outputSize;
  }
  forward(x: Tensor): Tensor {
    return f.adaptiveMaxPool2d(x, this.outputSize);
  }
  override extraRepr(): string {
    return `output_size=${shownSizes(this.outputSize)}`;
  }
}

/** The means of `outputSize` parts of L: `[N, C, L]` or `[C, L]` to `[…, outputSize]`. */
export class AdaptiveAvgPool1d extends Module<[x: Tensor], Tensor> {
  readonly outputSize: number;
  constructor(outputSize: number) {
    super();
    this.outputSize = outputSize;
  }
  forward(x: Tensor): Tensor {
    return f.adaptiveAvgPool1d(x, this.outputSize);
  }
  override extraRepr(): string {
    return `output_size=${this.outputSize}`;
  }
}
/** The means of parts of H and W: `[N, C, H, W]` or `[C, H, W]` to `[…, OH, OW]`; null keeps a size. */
export class AdaptiveAvgPool2d extends Module<[x: Tensor], Tensor> {
  readonly outputSize: number | readonly (number | null)[];
  constructor(outputSize: number | readonly (number | null)[]) {
    super();
    this.outputSize = outputSize;
  }
  forward(x: Tensor): Tensor {
    return f.adaptiveAvgPool2d(x, this.outputSize);
  }
  override extraRepr(): string {
    return `output_size=${shownSizes(this.outputSize)}`;
  }
}
