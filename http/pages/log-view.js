/** Shows log lines as they come: batched by frame, the last ones only, and scrolled along while the reader is at the end. */
const linesShownMax = 5000;
const level = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{3})? (?:SYSTEM-)?(ERROR|WARN) /;

/** @param {HTMLElement} element */
export function createLogView(element) {
  /** @type {HTMLElement[]} */
  let waiting = [];
  let isDrawing = false;

  function draw() {
    isDrawing = false;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
    element.append(...waiting.slice(-linesShownMax));
    waiting = [];
    while (element.childElementCount > linesShownMax) element.firstElementChild?.remove();
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  }

  /** @param {string} text @param {string} [kind] */
  function add(text, kind = level.exec(text)?.[1]?.toLowerCase() ?? '') {
    const line = document.createElement('div');
    line.textContent = text === '' ? ' ' : text;
    if (kind !== '') line.className = kind;
    waiting.push(line);
    // What nobody will see need not be kept.
    if (waiting.length > linesShownMax * 2) waiting = waiting.slice(-linesShownMax);
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(draw);
  }

  return {
    add,
    clear() {
      waiting = [];
      element.replaceChildren();
    },
  };
}
