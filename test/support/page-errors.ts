/** What a person would find wrong with a page: errors in its console, and parts that a phone does not show. */
import type {Page} from 'playwright-core';

/** Errors of the console from now on. That a question is refused (HTTP 400) is an answer, which the page itself shows. */
export function consoleErrors(page: Page): readonly string[] {
  const errors: string[] = [];
  page.on('console', message => {
    const isRefusal = /^Failed to load resource: .* 400 /.test(message.text());
    if (message.type() === 'error' && !isRefusal) errors.push(message.text());
  });
  return errors;
}

/** Visible elements whose right end lies outside of the page; empty: nobody has to scroll sideways. */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const width = document.documentElement.clientWidth;
    const scrolls = document.documentElement.scrollWidth > width ? ['the page itself'] : [];
    const wide = [...document.querySelectorAll('#room *, header *')]
      .filter(each => each.getClientRects().length > 0 && !each.closest('.unseen, thead, #list, #log'))
      .filter(each => each.getBoundingClientRect().right > width + 0.5)
      .map(each => each.tagName + '.' + each.getAttribute('class'));
    return [...scrolls, ...wide];
  })()`);
}
