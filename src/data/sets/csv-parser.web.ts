// csv-parse for browsers, which brings the streams it uses.

export { CsvError, parse } from "csv-parse/browser/esm";
