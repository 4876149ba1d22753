# SPDX-License-Identifier: Apache-2.0
w_all() { "$BIN"; echo $?; }
w_uncaught() { "$BIN" x 2> /dev/null; echo $?; }
w_full() { "$BIN" > /dev/full 2> /dev/null; echo $?; }
