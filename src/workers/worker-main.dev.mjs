// The thread's program when it runs from sources, in specs and examples: Node 20 reads no TypeScript in threads by itself.
import { register } from 'tsx/esm/api';

register();
await import('./worker-main.ts');
