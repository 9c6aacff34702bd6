/** Markdown as HTML that can do nothing: no scripts, no styles, no forms, nothing from the network. */

import DOMPurify from 'dompurify';
import { marked } from 'marked';
import { decodePath } from '../words/paths.ts';

/** Where a link in a document leads: into the pack, to the web, or nowhere. */
export type Target = { path: string } | { url: string } | undefined;

/** `from`: path of the document. */
export function resolve(link: string, from: string): Target {
  if (link.startsWith('#')) return undefined;
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(link)) return /^https?:/i.test(link) ? { url: link } : undefined;
  const steps = link.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const step of decodePath(link.replace(/[?#].*$/, '')).split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '.' && step !== '') steps.push(step);
  }
  return { path: steps.join('/') };
}

/** `href` makes an address of a path of the pack; `image` is called for each picture of the pack. */
export function render(
  text: string,
  from: string,
  href: (path: string) => string,
  image: (element: HTMLImageElement, path: string) => void,
): DocumentFragment {
  return clean(marked.parse(text, { async: false, gfm: true }), from, href, image);
}

/** The same for HTML. */
export function clean(
  html: string,
  from: string,
  href: (path: string) => string,
  image: (element: HTMLImageElement, path: string) => void,
): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { html: true },
    FORBID_TAGS: ['style', 'form', 'input', 'button', 'select', 'textarea', 'dialog', 'video', 'audio', 'source', 'map', 'area'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'srcset', 'background', 'bgcolor', 'border', 'target', 'tabindex', 'role'],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
  for (const link of fragment.querySelectorAll('a')) {
    const target = resolve(link.getAttribute('href') ?? '', from);
    if (target === undefined) link.removeAttribute('href');
    else if ('url' in target) Object.assign(link, { href: target.url, target: '_blank', rel: 'noopener noreferrer' });
    else link.setAttribute('href', href(target.path));
  }
  for (const picture of fragment.querySelectorAll('img')) {
    const target = resolve(picture.getAttribute('src') ?? '', from);
    picture.removeAttribute('src');
    if (target !== undefined && 'path' in target) image(picture, target.path);
  }
  return fragment;
}
