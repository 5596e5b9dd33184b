/**
 * `GET /`: a page to log in, run something, watch it, and see engines and quotas. Its files are served as they are; nothing
 * of it comes from elsewhere, and its policy allows nothing else.
 */
import {readFile} from 'node:fs/promises';
import type {FacadeApp} from '../route-context.ts';

const types = {
  'index.html': 'text/html; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'page.css': 'text/css; charset=utf-8',
  'controls.css': 'text/css; charset=utf-8',
  'table.css': 'text/css; charset=utf-8',
  'job.css': 'text/css; charset=utf-8',
  'nodes.css': 'text/css; charset=utf-8',
  'meter.css': 'text/css; charset=utf-8',
  'engines.css': 'text/css; charset=utf-8',
  'quotas.css': 'text/css; charset=utf-8',
  'amounts.js': 'text/javascript; charset=utf-8',
  'api.js': 'text/javascript; charset=utf-8',
  'element.js': 'text/javascript; charset=utf-8',
  'engine-kill.js': 'text/javascript; charset=utf-8',
  'engine-row.js': 'text/javascript; charset=utf-8',
  'engine-type.js': 'text/javascript; charset=utf-8',
  'engines-view.js': 'text/javascript; charset=utf-8',
  'gate-row.js': 'text/javascript; charset=utf-8',
  'host-card.js': 'text/javascript; charset=utf-8',
  'job-view.js': 'text/javascript; charset=utf-8',
  'jobs-view.js': 'text/javascript; charset=utf-8',
  'log-view.js': 'text/javascript; charset=utf-8',
  'meter.js': 'text/javascript; charset=utf-8',
  'node-row.js': 'text/javascript; charset=utf-8',
  'nodes-view.js': 'text/javascript; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'poll.js': 'text/javascript; charset=utf-8',
  'quota-cell.js': 'text/javascript; charset=utf-8',
  'quota-row.js': 'text/javascript; charset=utf-8',
  'quotas-view.js': 'text/javascript; charset=utf-8',
  'result-view.js': 'text/javascript; charset=utf-8',
  'tabs.js': 'text/javascript; charset=utf-8',
  'timeline-bar.js': 'text/javascript; charset=utf-8',
  'why-view.js': 'text/javascript; charset=utf-8',
} as const;

type PageFile = keyof typeof types;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function pageRoutes(app: FacadeApp): void {
  /** A few kilobytes, read when first asked for. */
  const read = new Map<PageFile, Promise<Buffer>>();

  function content(file: PageFile): Promise<Buffer> {
    const known = read.get(file);
    if (known !== undefined) return known;
    const reading = readFile(new URL(`../pages/${file}`, import.meta.url)).catch((error: unknown) => {
      read.delete(file);
      throw error;
    });
    read.set(file, reading);
    return reading;
  }

  function serve(url: string, file: PageFile): void {
    app.get(url, {config: {access: 'open'}, schema: {hide: true}}, async (_request, reply) =>
      reply
        .type(types[file])
        .header('content-security-policy', policy)
        .send(await content(file)),
    );
  }

  serve('/', 'index.html');
  for (const file of Object.keys(types)) if (isPageFile(file)) serve(`/pages/${file}`, file);
}

const isPageFile = (name: string): name is PageFile => name in types;
