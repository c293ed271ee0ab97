// What reads a test's ledger of calls and says whether one counter, with nothing lost, doubled or stale, explains it.
module plugd.invalid/linearizability

go 1.24.0

require github.com/anishathalye/porcupine v1.3.1
