# SPDX-License-Identifier: Apache-2.0
w_version() { "$BIN" --version | cut -d ' ' -f 1; "$BIN" --help | sed -n 1p | cut -c 1-6; "$BIN" --nonsense 2> /dev/null; echo $?; "$BIN" --list-themes | wc -l; "$BIN" --list-languages | wc -l; "$BIN" --config-file | wc -l; "$BIN" --acknowledgements > /dev/null 2>&1; }
w_show() { printf '#!/bin/sh\necho x # y\n' > s.sh; "$BIN" s.sh; "$BIN" -p s.sh; "$BIN" -p --color always -l sh s.sh; "$BIN" -n s.sh s.sh; "$BIN" -A s.sh; echo z | "$BIN" -; "$BIN" nothing 2> /dev/null; echo $?; "$BIN" --style=full --decorations=always --terminal-width 40 -r 1:1 s.sh; "$BIN" --theme nothing s.sh 2> /dev/null; printf 'a\0b' > b; "$BIN" b; "$BIN" . 2> /dev/null; echo $?; }
TAGS[pager]=exec TAGS[git]=exec TAGS[terminal]=exec
w_pager() { seq 100 > f; "$BIN" --paging always --pager cat f | wc -l; "$BIN" --paging always --pager nosuchprogram f 2> /dev/null | wc -l; PAGER='less -F' "$BIN" --paging always f | wc -l; }
w_git() { git init -q . && git config user.name a && git config user.email a@b && echo x > f && git add f && git commit -qm x && echo y >> f; "$BIN" --decorations always --style changes f; "$BIN" -d f; }
w_terminal() { seq 100 > f; (sleep 0.6; printf q) | on_terminal "$BIN f"; echo $?; }
w_cache() { "$BIN" cache --build > /dev/null 2>&1; echo $?; "$BIN" cache --clear > /dev/null; echo $?; "$BIN" --diagnostic > /dev/null; echo $?; }
w_config() { mkdir -p "$HOME/.config/bat"; echo --plain > "$HOME/.config/bat/config"; echo x > f; "$BIN" --decorations always f; "$BIN" --generate-config-file 2> /dev/null < /dev/null; echo $?; }
w_broken_pipe() { seq 100000 > f; "$BIN" -p f | sed -n '1p;1q'; true; }
