# SPDX-License-Identifier: Apache-2.0
w_plain() { "$BIN"; }
w_one_cpu() { GOMAXPROCS=1 "$BIN"; }
w_to_file() { "$BIN" > out; cat out; }
