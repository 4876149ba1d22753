# SPDX-License-Identifier: Apache-2.0
w_getppid() { "$BIN" 110; }
w_sync() { "$BIN" 162; }
