# SPDX-License-Identifier: Apache-2.0
w_version() { "$BIN" --version > /dev/null; echo $?; }
w_help() { "$BIN" --help 2>&1; }
w_make() { "$BIN" -o key 2> /dev/null && stat -c %a key && "$BIN" -y key | cut -c1-4; }
w_stdout() { "$BIN" | grep -c AGE-SECRET-KEY; }
w_exists() { : > key; "$BIN" -o key 2> /dev/null; echo $?; }
