package main

// remarks end the page: how to read the table.
const remarks = `
## How it is measured

- The platform is the released binary (` + "`-trimpath -ldflags \"-s -w\"`" + `) in a process of its own, reached over HTTP on the loopback
  address with a token. Load generator, server and comparison share the processors.
- Pairs alternate (A B A B …), so that both sides see the same machine; a ratio is the median of the ratios of pairs.
- Durable is: SQLite with ` + "`synchronous=FULL`" + ` and a write-ahead log, PostgreSQL with ` + "`fsync`" + ` and ` + "`synchronous_commit`" + ` on.
- Prepared inserts are one row for each statement: the platform's own statements carry many, which wins back some of
  what reading, checking, hashing and JSON cost it.
- The bare server answers stored bytes by prepared statements. It knows neither tokens nor roles, cursors, limits, usage or
  request ids. A search finds up to 200 hits, and gives the best: the bare server asks the same queries, and sorts by name. The line
  below it is a server that stops at any 20 hits, which is less than a search should do.
- A search is for a word that stands in about 50 of the 10,000 services. Common words cost more on both sides.
- Events carry random ids, the worst case for a unique index; ids that grow with time cost less.
- Idle is a platform with 10,000 services stored and none running.
`
