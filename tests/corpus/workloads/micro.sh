# SPDX-License-Identifier: Apache-2.0
w_version() { "$BIN" -version | sed -n '1,1p'; }
w_help() { "$BIN" -help 2>&1 | sed -n '1,5p'; }
w_options() { "$BIN" -options | cksum; }
w_plugins() { "$BIN" -plugin list; }
w_edit() {
  echo world > file.txt
  (sleep 1.5; printf 'hello \023'; sleep 1; printf '\021'; sleep 1) | on_terminal "$BIN file.txt"
  cat file.txt
}
w_clean() { echo | "$BIN" -clean > /dev/null 2>&1; echo $?; }
