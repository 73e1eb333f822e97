"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const make = (name, parent, attributes) => {
    const made = document.createElementNS(NS, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    parent.append(made);
    return made;
  };

  // Tables: a click on a heading sorts by its column.
  for (const table of document.querySelectorAll("table.sort")) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.v === undefined ? cell.textContent : cell.dataset.v === "" ? null : +cell.dataset.v;
        };
        const order = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
        // What has no value stands last either way.
        const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
        rows.sort(([a], [b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : up ? order(a, b) : order(b, a)));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }

  // The ticks of a time axis, for days since 1970 at places from 0 to its width.
  const text = (day, options) => new Date(day * 864e5).toLocaleDateString("en-GB", { timeZone: "UTC", ...options });
  const tick = (axis, from, to, width) => {
    const apart = ((to - from) * 72) / width;
    const step = [1, 2, 7, 14].find((days) => days >= apart);
    axis.replaceChildren();
    let year;
    for (let day = Math.ceil(from); day <= to; day++) {
      const date = new Date(day * 864e5);
      const months = apart <= 31 ? 1 : apart <= 92 ? 3 : 12;
      const first = date.getUTCDate() === 1 && date.getUTCMonth() % months === 0;
      if (step ? (step < 7 ? day % step : (day - 4) % step) : !first) continue;
      const words = { month: "short" };
      if (step) words.day = "numeric";
      if (year !== date.getUTCFullYear()) words.year = "numeric";
      year = date.getUTCFullYear();
      const x = (((day - from) / (to - from)) * width).toFixed(1);
      const group = make("g", axis, { transform: `translate(${x} 0)` });
      make("path", group, { d: `M0 0v${axis.dataset.h}` });
      make("text", group, { class: "m", y: +axis.dataset.h + 16 }).textContent = text(day, words);
    }
  };

  for (const figure of document.querySelectorAll("figure[data-read]")) {
    const svg = figure.querySelector("svg");
    const plot = svg.querySelector(".plot");
    const read = figure.dataset.read;
    const box = plot.viewBox.baseVal;
    const [width, height] = [box.width, box.height];
    const table = figure.querySelector("details table");
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows].filter((row) => row.dataset.p);
    const shown = document.createElement("div");
    shown.className = "read";
    shown.hidden = true;
    figure.append(shown);
    // The title would open a second box beside ours.
    const title = svg.querySelector("title");
    svg.setAttribute("aria-label", title.textContent);
    svg.removeAttribute("aria-labelledby");
    title.remove();

    const place = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
    const inside = (event) => Math.min(Math.max(place(event).x, box.x), box.x + box.width);
    const nearest = (at) => rows.reduce((best, row) => (Math.abs(row.dataset.p - at) < Math.abs(best.dataset.p - at) ? row : best), rows[0]);
    let cursor;
    const hide = () => {
      shown.hidden = true;
      cursor?.remove();
    };
    const show = (event) => {
      const at = place(event);
      hide();
      if (!rows.length || at.x < box.x || at.x > box.x + box.width || at.y < 0 || at.y > height) return;
      const row = nearest(read === "x" ? at.x : at.y);
      let lines = [...row.cells].map((cell, n) => [heads[n], cell.textContent]);
      if (read === "cells") {
        // Two digits of base 36 for each day: percent plus 201, where 0 is all below -200; or none.
        const day = Math.floor(at.x);
        const value = row.dataset.c.substr(2 * day, 2);
        const share = value === "zz" ? "not known" : value === "00" ? "below -200%" : `${parseInt(value, 36) - 201}%`;
        const date = text(+plot.dataset.days.split(" ")[0] + day, { day: "numeric", month: "short", year: "numeric" });
        lines = [["Host", lines[0][1]], ["Day", date], ["Headroom", share]];
      }
      shown.textContent = lines.filter(([, cell]) => cell).map(([head, cell]) => `${head}: ${cell}`).join("\n");
      if (read === "x") cursor = make("path", plot, { class: "cursor", d: `M${row.dataset.p} 0v${height}` });
      shown.hidden = false;
      const frame = figure.getBoundingClientRect();
      const left = event.clientX - frame.left;
      shown.style.left = `${left > frame.width / 2 ? left - shown.offsetWidth - 14 : left + 14}px`;
      shown.style.top = `${event.clientY - frame.top + 14}px`;
    };
    svg.addEventListener("pointermove", show);
    svg.addEventListener("pointerleave", hide);

    if (!plot.dataset.days) continue;
    // Time axes: drag to look closer, double-click for all of it; or + - 0 and the arrows.
    const [first, last] = plot.dataset.days.split(" ").map(Number);
    const axes = svg.querySelectorAll(".days");
    const look = (from, to) => {
      const span = Math.min(Math.max(to - from, width / 60), width);
      const left = Math.min(Math.max(from, 0), width - span);
      plot.setAttribute("viewBox", `${left} 0 ${span} ${height}`);
      const day = (x) => first + (x / width) * (last - first);
      for (const axis of axes) tick(axis, day(left), day(left + span), +axis.dataset.w);
      svg.classList.toggle("zoomed", span < width);
    };
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = "drag to zoom, double-click to reset";
    figure.querySelector("figcaption").prepend(hint);
    svg.tabIndex = 0;
    let start, pick;
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button) return;
      start = inside(event);
      pick = make("path", plot, { class: "pick" });
      event.preventDefault();
      svg.focus();
    });
    svg.addEventListener("pointermove", (event) => {
      if (pick) pick.setAttribute("d", `M${start} 0H${inside(event)}V${height}H${start}z`);
    });
    addEventListener("pointerup", (event) => {
      if (!pick) return;
      pick.remove();
      pick = undefined;
      const end = inside(event);
      if (Math.abs(end - start) > box.width / 60) look(Math.min(start, end), Math.max(start, end));
    });
    svg.addEventListener("dblclick", () => look(0, width));
    svg.addEventListener("keydown", (event) => {
      const [from, span] = [box.x, box.width];
      const moves = { "+": [0.25, 0.75], "-": [-0.5, 1.5], 0: [-1e9, 1e9], ArrowLeft: [-0.25, 0.75], ArrowRight: [0.25, 1.25] };
      const move = moves[event.key];
      if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
      look(from + move[0] * span, from + move[1] * span);
      event.preventDefault();
    });
  }
})();
