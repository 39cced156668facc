
"use strict";
// Tables that can be sorted get a button in each head; without this script they are as they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.className === "number" ? Number(cell.textContent.replace(/[,%]/g, "")) : cell.textContent;
  };
  const compare = (a, b, sign) => {
    if (typeof a === "string") return sign * a.localeCompare(b);
    // A dash is no number, and comes last whichever way.
    return Number.isNaN(a) - Number.isNaN(b) || sign * (a - b);
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const sign = down ? -1 : 1;
      const rows = [...body.rows].sort((a, b) => compare(key(a, column), key(b, column), sign));
      body.append(...rows);
    });
  });
}
