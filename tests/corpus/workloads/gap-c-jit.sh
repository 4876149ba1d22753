# SPDX-License-Identifier: Apache-2.0
w_sync() { "$BIN"; }
w_acct() { "$BIN" a; }
