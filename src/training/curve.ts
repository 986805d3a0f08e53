// The loss curve of a run, from its history.

import type { Series } from "./chart.ts";
import { lossChartSvg } from "./chart.ts";
import type { LogEntry } from "./state.ts";

/** Training loss, evaluation loss, and another metric on an axis of its own. */
export function lossSeries(history: readonly LogEntry[], metric?: string): Series[] {
  const pick = (name: string, label: string, axis: "left" | "right" = "left"): Series[] => {
    const points = history.flatMap((entry) => {
      const y = entry[name];
      return y === undefined ? [] : [{ x: entry.step, y }];
    });
    return points.length === 0 ? [] : [{ name: label, points, axis }];
  };
  const other = metric === undefined || metric === "evalLoss" ? [] : pick(metric, metric, "right");
  return [...pick("loss", "training loss"), ...pick("evalLoss", "evaluation loss"), ...other];
}

export function lossCurveSvg(history: readonly LogEntry[], title: string, metric?: string): string {
  return lossChartSvg(lossSeries(history, metric), { title, ...(metric !== undefined && { rightLabel: metric }) });
}
