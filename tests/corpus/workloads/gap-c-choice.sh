# SPDX-License-Identifier: Apache-2.0
w_all() { for i in 0 1 2 3; do "$BIN" $i; done; }
