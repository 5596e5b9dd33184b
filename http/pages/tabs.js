/** Tabs, by mouse, by arrow keys and by the address: `#engines`. */

/**
 * @param {HTMLElement} bar
 * @param {(name: string) => void} onChange a tab has become the one that is seen
 */
export function createTabs(bar, onChange) {
  /** @type {any[]} */
  const tabs = [...bar.querySelectorAll('[role=tab]')];
  /** @param {any} tab @returns {string} */
  const nameOf = tab => tab.dataset.name;
  let chosen = '';

  /** @param {string} name */
  function select(name) {
    if (name === chosen) return;
    chosen = name;
    for (const tab of tabs) {
      const isChosen = nameOf(tab) === name;
      tab.setAttribute('aria-selected', String(isChosen));
      // One stop for the tab key; the arrows go on from there.
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute('aria-controls'));
      if (panel !== null) panel.hidden = !isChosen;
    }
    onChange(name);
  }

  bar.addEventListener('click', event => {
    const tab = event.target instanceof Element ? event.target.closest('[role=tab]') : null;
    if (tab !== null) select(nameOf(tab));
  });
  bar.addEventListener('keydown', event => {
    const at = tabs.findIndex(tab => nameOf(tab) === chosen);
    const next = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs.at(next % tabs.length);
    select(nameOf(tab));
    tab.focus();
  });

  return {
    select,
    chosen: () => chosen,
    /** Nobody looks at any. */
    leave() {
      chosen = '';
    },
    /** @param {string} name */
    has: name => tabs.some(tab => nameOf(tab) === name),
  };
}
