import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    alias: {
      'taskmap-ts/bullmq': fileURLToPath(new URL('./src/bullmq/bullmq.ts', import.meta.url)),
      'taskmap-ts/dashboard': fileURLToPath(new URL('./src/dashboard/serve-dashboard.ts', import.meta.url)),
      'taskmap-ts/otel': fileURLToPath(new URL('./src/otel/tracing.ts', import.meta.url)),
      'taskmap-ts': fileURLToPath(new URL('./src/index.ts', import.meta.url)),
    },
  },
  test: {
    include: ['spec/**/*.spec.ts'],
    testTimeout: 60_000,
    reporters: ['default', './spec/support/summary-reporter.ts'],
  },
});
