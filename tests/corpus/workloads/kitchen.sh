# SPDX-License-Identifier: Apache-2.0
w_all() { "$BIN"; }
w_one_cpu() { GOMAXPROCS=1 "$BIN"; }
w_cgo_resolver() { GODEBUG=netdns=cgo "$BIN" -only http,lookup; }
w_crash() { "$BIN" -no-such-flag; echo "status $?"; }
