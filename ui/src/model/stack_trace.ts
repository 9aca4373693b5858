// Splits the text of an exception's stack trace into lines with a role, so that the eye lands on messages
// and on the application's own frames. Knows the shapes of Java, JavaScript, Python, Go, .NET, Ruby and C++;
// a line it doesn't know is shown plainly.

export type StackLineRole = 'message' | 'frame' | 'library' | 'plain';

export interface StackLine {
  text: string;
  role: StackLineRole;
}

const FRAME = [
  /^\s*at\s+\S/, // Java, JavaScript, .NET
  /^\s*File ".*", line \d+/, // Python
  /^\s*#\d+\s/, // gdb, PHP
  /^\s+\S+\.(go|rb|rs|cc|cpp|h|py|js|ts):\d+/, // Go, Ruby, Rust, C++
  /^\s*from \S+:\d+:in/, // Ruby
];
const LIBRARY = new RegExp(
  [
    'node_modules|node:internal', // Node
    'site-packages|/lib/python',
    String.raw`\b(java|javax|jdk|sun|org\.springframework|io\.netty|org\.apache)\.[a-z]`,
    '/usr/local/go/src',
    String.raw`System\.|Microsoft\.`, // .NET
  ].join('|'),
);
const MESSAGE =
  /^(Caused by: |Exception in thread |Traceback |goroutine \d+|panic: |[\w.$]+(Error|Exception|Failure)\b)/;

export function parseStackTrace(text: string): StackLine[] {
  return text
    .replace(/\r\n/g, '\n')
    .replace(/\s+$/, '')
    .split('\n')
    .map((line) => ({ text: line, role: roleOf(line) }));
}

function roleOf(line: string): StackLineRole {
  if (FRAME.some((shape) => shape.test(line))) return LIBRARY.test(line) ? 'library' : 'frame';
  return MESSAGE.test(line) ? 'message' : 'plain';
}
