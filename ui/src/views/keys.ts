// The keyboard commands, as the help lists them. The pages bind the same keys.

export const KEY_GROUPS = [
  {
    title: 'Everywhere',
    keys: [
      ['/', 'Go to the search field'],
      ['?', 'Show this help'],
      ['Esc', 'Close, or leave the field'],
    ],
  },
  {
    title: 'Results',
    keys: [
      ['j k', 'Next, previous trace'],
      ['Enter', 'Open the trace'],
      ['r', 'Search again'],
    ],
  },
  {
    title: 'Trace: move',
    keys: [
      ['j k', 'Next, previous span; also ↓ ↑'],
      ['→ ←', 'Unfold, fold; then child, parent'],
      ['Enter', 'Open the detail of the span'],
      ['e E', 'Next, previous error'],
      ['n N', 'Next, previous match'],
      ['g G', 'First, last span'],
    ],
  },
  {
    title: 'Trace: view',
    keys: [
      ['+ -', 'Zoom in, out'],
      ['0', 'Show the whole trace'],
      ['z', 'Zoom to the span'],
      [', .', 'Pan left, right'],
      ['[ ]', 'Fold, unfold one level'],
      ['c', 'Critical path'],
      ['w', 'Why it was kept'],
    ],
  },
] as const;
