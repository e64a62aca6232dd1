import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { 'taskmap-ts': fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['spec/**/*.spec.ts'],
    testTimeout: 60_000,
    reporters: ['default', './spec/support/summary-reporter.ts'],
  },
});
