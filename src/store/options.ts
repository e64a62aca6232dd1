import { InvalidOptionError } from '../errors.js';
import type { ChangeDetection } from './run-memory.js';

export function checkedDetect(detect: unknown = 'version'): ChangeDetection {
  if (detect !== 'version' && detect !== 'source')
    throw new InvalidOptionError('detect', "'version' or 'source'", detect);
  return detect;
}
