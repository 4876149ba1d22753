# SPDX-License-Identifier: Apache-2.0
w_plain() { "$BIN"; }
w_one_cpu() { GOMAXPROCS=1 "$BIN"; }
w_to_file() { "$BIN" > out; cat out; }
w_closed_pipe() { "$BIN" | true; echo "${PIPESTATUS[0]}" | sed 's/^0$/gone/; s/^141$/gone/'; }
w_closed_fds() { "$BIN" <&- 2>&-; }
w_traced_gc() { GODEBUG=gctrace=1,schedtrace=1 "$BIN"; }
