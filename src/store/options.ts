import { InvalidOptionError } from '../errors.js';
import type { ChangeDetection } from './run-memory.js';

export function checkedDetect(detect: unknown = 'closure'): ChangeDetection {
  if (detect !== 'closure' && detect !== 'source' && detect !== 'version')
    throw new InvalidOptionError('detect', "'closure', 'source' or 'version'", detect);
  return detect;
}
