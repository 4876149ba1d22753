# SPDX-License-Identifier: Apache-2.0
TAGS[shell]=exec
tree() { mkdir -p a/b c && echo one > a/one.txt && ln -s a link && mkfifo pipe; }
w_version() { "$BIN" -version; }
w_help() { "$BIN" -help 2>&1 | sed -n '1,5p'; }
w_doc() { "$BIN" -doc | sed -n '1,5p'; }
w_cd() { tree; (sleep 1; printf q; sleep 0.5) | on_terminal "$BIN -command 'cd a' -last-dir-path $PWD/last"; echo $?; cat last; }
w_keys() { tree; (sleep 1; printf 'jjkk'; sleep 0.3; printf 'l'; sleep 0.3; printf 'q'; sleep 0.5) | on_terminal "$BIN -last-dir-path $PWD/last -log $PWD/log"; echo $?; cat last; }
w_select() { tree; (sleep 1; printf ' j \r'; sleep 0.5; printf 'q'; sleep 0.5) | on_terminal "$BIN -selection-path $PWD/sel a"; echo $?; cat sel; }
w_copy() { tree; (sleep 1; printf 'jy'; sleep 0.3; printf ':cd a\n'; sleep 0.3; printf 'p'; sleep 1; printf 'q'; sleep 0.5) | on_terminal "$BIN"; echo $?; find . | sort; }
w_single() { tree; on_terminal "$BIN -single -command 'set hidden' -command quit"; echo $?; }
w_shell() { tree; on_terminal "$BIN -command '&echo ran > ran' -command '\$echo more > more' -command quit"; sleep 0.3; cat ran more; }
w_remote() { "$BIN" -remote 'send echo hi' 2> /dev/null; echo $?; }
w_server() { "$BIN" -server > /dev/null 2>&1 & local p=$!; sleep 0.5; "$BIN" -remote 'send 1 echo hi'; echo $?; "$BIN" -remote 'quit!'; sleep 0.2; kill $p 2> /dev/null; wait $p; return 0; }
