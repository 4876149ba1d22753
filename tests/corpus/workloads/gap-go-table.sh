# SPDX-License-Identifier: Apache-2.0
w_two() { printf "110\n162\n" > t; "$BIN" t; }
