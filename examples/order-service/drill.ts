import { help, parseOptions } from './drill/options.ts';
import { table } from './drill/report.ts';
import { runDrill } from './drill/run.ts';
import { main } from './rig/main.ts';

await main({ name: 'drill', help, parseOptions, run: (_options, progress, signal) => runDrill(progress, signal), table });
