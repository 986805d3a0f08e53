// csv-parse for Node, whose streams it uses.

export { CsvError, parse } from "csv-parse";
