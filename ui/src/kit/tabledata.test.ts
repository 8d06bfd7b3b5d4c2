import { expect, test } from "vitest";
import { delimited, table } from "./tabledata";

test("quotes, newlines and empty fields", () => {
  expect(delimited('a,b\r\n"x, ""y""\nz",\n,2\n', ",")).toEqual({ columns: ["a", "b"], rows: [['x, "y"\nz', ""], ["", "2"]] });
});
test("MLflow's table", () => {
  expect(table("eval_results_table.json", '{"columns":["q","s"],"data":[["a",1]]}')).toEqual({ columns: ["q", "s"], rows: [["a", 1]] });
  expect(table("x.json", '{"columns":["q"],"data":{"a":1}}')).toBeNull();
  expect(table("x.json", "{")).toBeNull();
  expect(table("x.txt", "a,b")).toBeNull();
});
