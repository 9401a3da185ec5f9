import { environment } from '../environments/index.ts';
import { runEnvironmentProgram } from './program.ts';

void runEnvironmentProgram(environment, process.argv);
