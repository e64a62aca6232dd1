/** The page, without what it shows. */
export function pageHTML(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>taskmap</title>
<link rel="icon" href="data:,">
<style>body { font-family: sans-serif; }</style>
<h1>taskmap</h1>
<p>The events of the runs are at <a href="/events">/events</a>.</p>
</html>
`;
}
