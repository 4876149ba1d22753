# SPDX-License-Identifier: Apache-2.0
w_version() { "$BIN" -version | head -1; }
w_help() { "$BIN" -help 2>&1 | head -5; }
w_options() { "$BIN" -options | cksum; }
w_plugins() { "$BIN" -plugin list; }
w_edit() {
  echo world > file.txt
  (sleep 1.5; printf 'hello \023'; sleep 1; printf '\021'; sleep 1) | on_terminal "$BIN file.txt"
  cat file.txt
}
w_clean() { echo | "$BIN" -clean > /dev/null 2>&1; echo $?; }
