// What the scripts of the page import as '../lanes.js'. The server sends them the file itself.
export { lanesOf, type ThreadLanes } from '../drawing/lanes.js';
