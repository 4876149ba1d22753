# SPDX-License-Identifier: Apache-2.0
TAGS[all]=exec TAGS[processes]=exec
w_all() { "$BIN"; echo $?; }
w_files() { "$BIN" files; }
w_threads() { "$BIN" threads; }
w_processes() { "$BIN" processes; }
w_signals() { "$BIN" signals; }
w_names() { "$BIN" names; }
w_sockets() { "$BIN" sockets; }
