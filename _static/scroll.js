// An equation wider than the page scrolls within itself: let the keyboard reach those, and only those.
(() => {
  const mark = () => {
    for (const box of document.querySelectorAll(".bd-article mjx-container")) {
      const scroller = box.hasAttribute("display") ? box : box.parentElement;
      if (scroller.scrollWidth > scroller.clientWidth) scroller.tabIndex = 0;
      else scroller.removeAttribute("tabindex");
    }
  };
  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    mark();
    window.addEventListener("resize", mark);
  });
})();
