"use strict";
const root = document.documentElement;
root.classList.add("js");

function remembered(key) { try { return localStorage.getItem(key); } catch { return null; } }
function remember(key, value) { try { localStorage.setItem(key, value); } catch { /* a browser may refuse to a page from disk */ } }

function setLanguage(language) {
  root.lang = root.dataset.language = language;
  const title = document.querySelector("title");
  if (title) document.title = title.dataset[language];
  for (const button of document.querySelectorAll("[data-set-language]"))
    button.setAttribute("aria-pressed", String(button.dataset.setLanguage === language));
  for (const time of document.querySelectorAll("time")) time.textContent = localTime(time, language);
}

const FORMS = {
  medium: { dateStyle: "medium", timeStyle: "short" },
  short: { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" },
};

function localTime(time, language) {
  return new Intl.DateTimeFormat(language, FORMS[time.dataset.form]).format(new Date(time.dateTime));
}

function firstLanguage() {
  const asked = new URLSearchParams(location.search).get("lang") ?? remembered("language") ?? navigator.language ?? "";
  return asked.startsWith("ko") ? "ko" : asked.startsWith("en") ? "en" : root.dataset.language;
}

function sortBy(header) {
  const table = header.closest("table");
  const column = header.cellIndex;
  const numeric = header.dataset.sort === "number";
  const now = header.getAttribute("aria-sort");
  const descending = now ? now === "ascending" : header.dataset.first === "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const collator = new Intl.Collator(root.lang, { numeric: true });
  const order = (a, b) => {
    const [one, other] = [a.cells[column].dataset.value, b.cells[column].dataset.value];
    if (one === "" || other === "") return (one === "") - (other === "");
    const difference = numeric ? Number(one) - Number(other) : collator.compare(one, other);
    return descending ? -difference : difference;
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(order));
}

function filterRows(input) {
  const board = input.closest(".board");
  const wanted = input.value.trim().toLocaleLowerCase();
  let shown = 0;
  for (const row of board.querySelectorAll(".entries tbody tr")) {
    row.hidden = !row.querySelector(".team").dataset.value.toLocaleLowerCase().includes(wanted);
    shown += !row.hidden;
  }
  board.querySelector(".none").hidden = shown > 0;
}

function showTab(tab) {
  for (const other of tab.parentElement.children) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function moveTab(event) {
  const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  const tab = step && event.target[step];
  if (tab) { showTab(tab); tab.focus(); }
}

function switchTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  remember("theme", root.dataset.theme);
}

const theme = remembered("theme");
if (theme === "light" || theme === "dark") root.dataset.theme = theme;
setLanguage(firstLanguage());

document.addEventListener("DOMContentLoaded", () => {
  setLanguage(root.lang);
  for (const button of document.querySelectorAll("[data-set-language]"))
    button.addEventListener("click", () => { setLanguage(button.dataset.setLanguage); remember("language", root.lang); });
  document.getElementById("theme").addEventListener("click", switchTheme);
  for (const header of document.querySelectorAll("th[data-sort]"))
    header.querySelector("button").addEventListener("click", () => sortBy(header));
  for (const input of document.querySelectorAll(".find input")) input.addEventListener("input", () => filterRows(input));
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.addEventListener("click", () => showTab(tab));
    tab.addEventListener("keydown", moveTab);
  }
  for (const later of document.querySelectorAll("[data-later]")) later.hidden = true;
});
