# SPDX-License-Identifier: Apache-2.0
w_hidden() { "$BIN" 10000000; }
