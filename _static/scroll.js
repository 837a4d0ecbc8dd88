// What is wider than the page scrolls within itself: let the keyboard reach those places, and only those.
(() => {
  const mark = () => {
    const boxes = new Set(document.querySelectorAll(".bd-article :is(figure, div.cell_output .output)"));
    for (const formula of document.querySelectorAll(".bd-article mjx-container"))
      boxes.add(formula.hasAttribute("display") ? formula : formula.parentElement);
    for (const box of boxes)
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
  };
  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    mark();
    window.addEventListener("resize", mark);
  });
})();
