// Artifacts that are tables: CSV and TSV, and MLflow's own
// {"columns": […], "data": [[…]]}.
export interface TableData { columns: string[]; rows: unknown[][]; }

export function table(name: string, text: string): TableData | null {
  if (/\.csv$/i.test(name)) return delimited(text, ",");
  if (/\.tsv$/i.test(name)) return delimited(text, "\t");
  if (!/\.json$/i.test(name)) return null;
  try {
    const v = JSON.parse(text) as { columns?: unknown; data?: unknown };
    if (Array.isArray(v.columns) && Array.isArray(v.data) && v.data.every(Array.isArray)) return { columns: v.columns.map(String), rows: v.data as unknown[][] };
  } catch {
    // Not JSON after all.
  }
  return null;
}

/** RFC 4180: quoted fields may hold the delimiter, newlines and doubled quotes. */
export function delimited(text: string, by: string): TableData | null {
  const rows: string[][] = [];
  let row: string[] = [], field = "", quoted = false;
  const endRow = () => { row.push(field); rows.push(row); row = []; field = ""; };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') { field += '"'; i++; }
      else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === by) { row.push(field); field = ""; }
    else if (c === "\n") endRow();
    else if (c !== "\r") field += c;
  }
  if (field !== "" || row.length) endRow();
  const [columns, ...rest] = rows;
  return columns && columns.length > 1 ? { columns, rows: rest } : null;
}
