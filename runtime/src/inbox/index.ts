export { type Connections, once, onceForAll } from './once.ts';
export { type Taken, type TakenDelivery, take, takeAll } from './take.ts';
