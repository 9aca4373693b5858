// House rules that no compiler checks: folder layers, file length, no inline code that the server's content
// policy would refuse, no open points left in comments. Exits 1 with one line per finding.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SOURCE = join(ROOT, 'src');
const LAYERS = ['base', 'client', 'model', 'widgets', 'views'];
const LINES_MAX = 500;
const findings = [];

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

const layerOf = (path) => relative(SOURCE, path).split('/')[0];

function checkImports(path, text) {
  const rank = LAYERS.indexOf(layerOf(path));
  if (rank < 0) return; // main.ts joins all layers
  for (const [, target] of text.matchAll(/(?:from|import) '(\.[^']+)'/g)) {
    const targetRank = LAYERS.indexOf(layerOf(resolve(dirname(path), target)));
    if (targetRank < 0) findings.push(`${path}: imports ${target}, outside the layers`);
    if (targetRank > rank)
      findings.push(`${path}: ${LAYERS[rank]} may not import ${LAYERS[targetRank]} (${target})`);
  }
}

const FORBIDDEN = [
  [/\sstyle="(?!\{)/, 'a style attribute; use a class or style:name'],
  [/\{@html\b/, '{@html}'],
  [/\beval\(|new Function\(/, 'code from text'],
  [/\bTODO\b|\bFIXME\b/, 'an open point; it belongs in docs/gaps.md'],
  [/https?:\/\/(?!www\.w3\.org\/2000\/svg)/, 'an address of another host'],
  [/\bconsole\.\w+\(|\bdebugger\b/, 'a debugging aid'],
];

for (const path of files(SOURCE)) {
  const text = readFileSync(path, 'utf8');
  checkImports(path, text);
  const lines = text.split('\n');
  if (lines.length > LINES_MAX) findings.push(`${path}: ${lines.length} lines, at most ${LINES_MAX}`);
  if (path.endsWith('.svg')) continue;
  lines.forEach((line, index) => {
    for (const [shape, what] of FORBIDDEN)
      if (shape.test(line)) findings.push(`${path}:${index + 1}: ${what}`);
    if (line.length > 180) findings.push(`${path}:${index + 1}: ${line.length} columns`);
  });
}
const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
if (/"resolved":/.test(lock)) findings.push('package-lock.json: names the host that packages came from');

for (const finding of findings) console.log(relative(ROOT, finding));
process.exit(findings.length > 0 ? 1 : 0);
