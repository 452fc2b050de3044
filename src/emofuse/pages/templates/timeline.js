"use strict";
const USUAL_PIXELS_PER_SECOND = 10;
const MOST_PIXELS_PER_SECOND = 80;
const ZOOM_STEP = 1.5;
// From so far, borders and patterns would be all that one sees.
const FAR_PIXELS_PER_SECOND = 4;
const MARK_PIXELS = 80;
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600];
// After a hand has moved the lanes, they do not follow the playing position for so long.
const REST_MILLISECONDS = 4000;

const find = (id) => document.getElementById(id);
const player = find("player");
const message = find("player-message");
const overview = find("overview");
const frame = find("window");
const lanes = find("lanes");
const sheet = find("sheet");
const follow = find("follow");
const transcript = find("transcript");
const clock = sheet.querySelector(".clock");
const heads = Array.from(document.querySelectorAll(".head"));
const seconds = Number(sheet.dataset.seconds);
const buttons = Array.from(document.querySelectorAll(".seek"));
const listed = transcript ? Array.from(transcript.querySelectorAll(".seek")) : [];
const parts = Array.from(document.querySelectorAll("[data-end]"), (element) => ({
  element, start: Number(element.dataset.start), end: Number(element.dataset.end), current: false,
}));
let now = 0;
let movedByHand = -Infinity;
let pixelsPerSecond = 0; // 0: the whole recording fits

function clockTime(time) {
  const whole = Math.floor(time);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60);
}

function scale() { return Math.max(pixelsPerSecond, lanes.clientWidth / seconds); }

function drawFrame() {
  const whole = sheet.offsetWidth || 1;
  frame.style.left = (100 * lanes.scrollLeft / whole) + "%";
  frame.style.width = Math.min(100, 100 * lanes.clientWidth / whole) + "%";
}

function drawLanes() {
  sheet.style.width = (seconds * scale()) + "px";
  sheet.classList.toggle("far", scale() < FAR_PIXELS_PER_SECOND);
  const step = CLOCK_STEPS.find((one) => one * scale() >= MARK_PIXELS) || CLOCK_STEPS[CLOCK_STEPS.length - 1];
  const marks = [];
  for (let time = 0; time < seconds; time += step) {
    const mark = document.createElement("span");
    mark.textContent = clockTime(time);
    mark.style.left = (100 * time / seconds) + "%";
    marks.push(mark);
  }
  clock.replaceChildren(...marks);
  drawFrame();
}

// Zoom, and keep a moment where it is on the screen: `place` is its distance from the left edge of the lanes.
function zoomTo(pixels, time = now, place = Math.min(Math.max(time * scale() - lanes.scrollLeft, 0), lanes.clientWidth)) {
  const least = lanes.clientWidth / seconds;
  const wanted = Math.min(pixels, Math.max(MOST_PIXELS_PER_SECOND, least));
  pixelsPerSecond = wanted <= least ? 0 : wanted;
  drawLanes();
  lanes.scrollLeft = time * scale() - place;
  drawFrame();
}

function keepInView() {
  const place = now * scale() - lanes.scrollLeft;
  if (place < 0 || place > 0.9 * lanes.clientWidth) lanes.scrollLeft = now * scale() - 0.15 * lanes.clientWidth;
  const row = parts.find((part) => part.current && listed.includes(part.element));
  if (!row || !transcript.offsetHeight || transcript.contains(document.activeElement)) return;
  const [top, bottom] = [row.element.parentElement.offsetTop, row.element.parentElement.offsetTop + row.element.offsetHeight];
  if (top < transcript.scrollTop || bottom > transcript.scrollTop + transcript.clientHeight) transcript.scrollTop = top;
}

function show(time) {
  now = Math.min(Math.max(time, 0), seconds);
  for (const head of heads) head.style.left = (100 * now / seconds) + "%";
  let changed = false;
  for (const part of parts) {
    const current = now >= part.start && now < part.end;
    if (current === part.current) continue;
    part.current = current;
    changed = true;
    if (!part.element.classList.contains("seek")) part.element.classList.toggle("now", current);
    else if (current) part.element.setAttribute("aria-current", "true");
    else part.element.removeAttribute("aria-current");
  }
  return changed;
}

function tell() {
  const spoken = parts.filter((part) => part.current && part.element.title).map((part) => part.element.title);
  lanes.setAttribute("aria-valuenow", now.toFixed(1));
  lanes.setAttribute("aria-valuetext", [clockTime(now), ...spoken].join(", "));
}

function move(time) {
  show(time);
  tell();
  movedByHand = -Infinity;
  keepInView();
  if (player) player.currentTime = now;
}

function play() {
  player.play().catch((reason) => { message.textContent = "The recording cannot be played: " + reason.message; });
}

function seek(time) {
  move(time);
  if (player) play();
}

function timeAt(element, event) {
  const box = element.getBoundingClientRect();
  return seconds * (event.clientX - box.left) / box.width;
}

const rest = () => { movedByHand = performance.now(); };

for (const button of buttons) button.addEventListener("click", () => seek(Number(button.dataset.start)));

overview.addEventListener("click", (event) => seek(timeAt(overview, event)));
sheet.addEventListener("click", (event) => {
  const block = event.target.closest("[data-start]");
  seek(block ? Number(block.dataset.start) : timeAt(sheet, event));
});

find("zoom-in").addEventListener("click", () => zoomTo(scale() * ZOOM_STEP));
find("zoom-out").addEventListener("click", () => zoomTo(scale() / ZOOM_STEP));
find("zoom-all").addEventListener("click", () => zoomTo(0));

lanes.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const goals = {
    ArrowLeft: now - 5, ArrowDown: now - 5, ArrowRight: now + 5, ArrowUp: now + 5,
    PageDown: now - 30, PageUp: now + 30, Home: 0, End: seconds,
  };
  if (event.key in goals) move(goals[event.key]);
  else if (event.key === "+" || event.key === "=") zoomTo(scale() * ZOOM_STEP);
  else if (event.key === "-") zoomTo(scale() / ZOOM_STEP);
  else if (event.key === "0") zoomTo(0);
  else if ((event.key === " " || event.key === "Enter") && player) {
    if (player.paused) play();
    else player.pause();
  } else return;
  event.preventDefault();
});

// A wheel with the control key, or two fingers on a touchpad, zooms; so do two fingers on a screen.
lanes.addEventListener("wheel", (event) => {
  rest();
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomTo(scale() * Math.exp(-event.deltaY / 300), timeAt(sheet, event), event.clientX - lanes.getBoundingClientRect().left);
}, { passive: false });

let pinch = null;
const spread = (touches) => Math.abs(touches[0].clientX - touches[1].clientX) + 1;
const between = (touches) => ({ clientX: (touches[0].clientX + touches[1].clientX) / 2 });
lanes.addEventListener("touchstart", (event) => {
  rest();
  if (event.touches.length !== 2) return;
  pinch = { spread: spread(event.touches), scale: scale(), time: timeAt(sheet, between(event.touches)) };
}, { passive: true });
lanes.addEventListener("touchmove", (event) => {
  if (!pinch || event.touches.length !== 2) return;
  event.preventDefault();
  const place = between(event.touches).clientX - lanes.getBoundingClientRect().left;
  zoomTo(pinch.scale * spread(event.touches) / pinch.spread, pinch.time, place);
}, { passive: false });
lanes.addEventListener("touchend", (event) => { if (event.touches.length < 2) pinch = null; });
lanes.addEventListener("pointerdown", rest);
lanes.addEventListener("scroll", drawFrame);

// One stop of the tab key for the whole list; arrow keys move within it.
for (const button of listed.slice(1)) button.tabIndex = -1;
if (transcript) transcript.addEventListener("keydown", (event) => {
  const place = listed.indexOf(document.activeElement);
  const goals = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: listed.length - 1 };
  const goal = listed[goals[event.key]];
  if (place < 0 || !goal) return;
  event.preventDefault();
  document.activeElement.tabIndex = -1;
  goal.tabIndex = 0;
  goal.focus();
});

if (player) {
  player.addEventListener("timeupdate", () => {
    if (show(player.currentTime)) tell();
    if (!player.paused && follow.checked && performance.now() - movedByHand > REST_MILLISECONDS) keepInView();
  });
  player.addEventListener("playing", () => { message.textContent = ""; });
}
new ResizeObserver(drawLanes).observe(lanes);
zoomTo(USUAL_PIXELS_PER_SECOND, 0, 0);
