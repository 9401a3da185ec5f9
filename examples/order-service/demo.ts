import { help, parseOptions } from './demo/options.ts';
import { table } from './demo/report.ts';
import { runDemo } from './demo/run.ts';
import { main } from './rig/main.ts';

await main({ name: 'demo', help, parseOptions, run: runDemo, table });
