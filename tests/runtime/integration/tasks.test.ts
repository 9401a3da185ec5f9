import { startTaskBroker, type TaskBroker } from '../support/tasks.ts';
import { publishCases } from './tasks-publish.ts';
import { rpcCases } from './tasks-rpc.ts';
import { workCases } from './tasks-work.ts';

let rabbit: TaskBroker;

beforeAll(async () => {
  rabbit = await startTaskBroker();
}, 120_000);
afterAll(() => rabbit?.stop());
afterEach(() => rabbit.tidy());

describe('workers', () => workCases(() => rabbit));
describe('sending and publishing', () => publishCases(() => rabbit));
describe('calls', () => rpcCases(() => rabbit));
