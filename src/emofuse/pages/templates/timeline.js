"use strict";
const player = document.getElementById("player");
const message = document.getElementById("player-message");
const sheet = document.getElementById("sheet");
const head = document.getElementById("head");
const zoom = document.getElementById("zoom");
const seconds = Number(sheet.dataset.seconds);
const buttons = Array.from(document.querySelectorAll(".seek"));
const parts = Array.from(document.querySelectorAll("[data-start]"), (element) => ({
  element, start: Number(element.dataset.start), end: Number(element.dataset.end), current: false,
}));

function show(time) {
  head.style.left = (100 * time / seconds) + "%";
  for (const part of parts) {
    const current = time >= part.start && time < part.end;
    if (current === part.current) continue;
    part.current = current;
    if (!part.element.classList.contains("seek")) part.element.classList.toggle("now", current);
    else if (current) part.element.setAttribute("aria-current", "true");
    else part.element.removeAttribute("aria-current");
  }
}

function seek(time) {
  show(time);
  if (!player) return;
  player.currentTime = time;
  player.play().catch((reason) => { message.textContent = "The recording cannot be played: " + reason.message; });
}

for (const button of buttons) button.addEventListener("click", () => seek(Number(button.dataset.start)));

document.getElementById("transcript").addEventListener("keydown", (event) => {
  const place = buttons.indexOf(document.activeElement);
  const goals = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 };
  const goal = buttons[goals[event.key]];
  if (place < 0 || !goal) return;
  event.preventDefault();
  goal.focus();
});

sheet.addEventListener("click", (event) => {
  const block = event.target.closest("[data-start]");
  const box = sheet.getBoundingClientRect();
  seek(block ? Number(block.dataset.start) : seconds * (event.clientX - box.left) / box.width);
});

zoom.addEventListener("input", () => { sheet.style.width = (100 * Number(zoom.value)) + "%"; });
if (player) player.addEventListener("timeupdate", () => show(player.currentTime));
if (player) player.addEventListener("playing", () => { message.textContent = ""; });
