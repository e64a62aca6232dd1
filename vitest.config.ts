import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    alias: {
      'taskmap-ts/bullmq': fileURLToPath(new URL('./src/bullmq/bullmq.ts', import.meta.url)),
      'taskmap-ts/codec': fileURLToPath(new URL('./src/codec/codec.ts', import.meta.url)),
      'taskmap-ts/dashboard': fileURLToPath(new URL('./src/dashboard/serve-dashboard.ts', import.meta.url)),
      'taskmap-ts/otel': fileURLToPath(new URL('./src/otel/tracing.ts', import.meta.url)),
      'taskmap-ts/places': fileURLToPath(new URL('./src/executors/placed-executor.ts', import.meta.url)),
      'taskmap-ts': fileURLToPath(new URL('./src/index.ts', import.meta.url)),
    },
  },
  test: {
    testTimeout: 60_000,
    reporters: ['default', './spec/support/summary-reporter.ts'],
    projects: [
      // A browser, its page and a server are enough for one machine. Then the rest, much of which waits for other processes.
      {
        extends: true,
        test: { name: 'browser', include: ['spec/**/*.browser.spec.ts'], maxWorkers: 1, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'specs',
          include: ['spec/**/*.spec.ts'],
          exclude: ['spec/**/*.browser.spec.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
