"use strict";
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const near = 28;

  const show = (point, box) => {
    tip.textContent = point.words;
    tip.hidden = false;
    const left = box.left + (point.x / 1000) * box.width;
    const top = box.top + (point.y / 1000) * box.height;
    const wide = tip.offsetWidth;
    tip.style.left = Math.max(8, Math.min(left - wide / 2, document.documentElement.clientWidth - wide - 8)) + "px";
    tip.style.top = (top - tip.offsetHeight - 14 > 4 ? top - tip.offsetHeight - 14 : top + 14) + "px";
  };

  for (const svg of document.querySelectorAll(".plot svg")) {
    const points = [...svg.querySelectorAll("title")].map((title) => {
      const path = title.parentElement;
      const [, x, y] = path.getAttribute("d").match(/^M(\d+) (\d+)/);
      const point = { x: +x, y: +y, words: title.textContent, link: path.closest("a") };
      title.remove();
      return point;
    });
    if (!points.length) continue;
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      let found = null;
      let least = near;
      for (const point of points) {
        const away = Math.hypot(
          box.left + (point.x / 1000) * box.width - event.clientX,
          box.top + (point.y / 1000) * box.height - event.clientY,
        );
        if (away < least) [found, least] = [point, away];
      }
      return [found, box];
    };
    svg.addEventListener("pointermove", (event) => {
      const [point, box] = nearest(event);
      if (point) show(point, box);
      else tip.hidden = true;
    });
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") tip.hidden = true;
    });
    svg.addEventListener("click", (event) => {
      const [point, box] = nearest(event);
      if (!point) return;
      if (event.pointerType !== "mouse") event.preventDefault();
      else if (point.link && !event.target.closest("a")) location.hash = point.link.getAttribute("href");
      show(point, box);
    });
  }
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
})();
