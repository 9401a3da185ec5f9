import { environment } from '../environments/index.ts';
import { runEnvironmentProgram } from './cli.ts';

void runEnvironmentProgram(environment, process.argv);
