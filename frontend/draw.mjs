/**
 * Makes a drawing of the documentation: its text, in Mermaid's language, comes on stdin, its SVG goes to stdout.
 * The colours are those of the page that it stands in.
 */
import {readFileSync} from 'node:fs';
import {renderMermaidSVG} from 'beautiful-mermaid';

const svg = renderMermaidSVG(readFileSync(0, 'utf-8'), {
  bg: 'var(--pst-color-background)',
  fg: 'var(--pst-color-text-base)',
  muted: 'var(--pst-color-text-base)',
  accent: 'var(--pst-color-primary)',
  padding: 8,
  transparent: true
});
// The font is the page's: its own would come from another host.
process.stdout.write(
  svg.replace(/\s*@import url\([^)]*\);/, '').replace(/font-family: [^;]*;/, 'font-family: inherit;')
);
