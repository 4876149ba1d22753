# SPDX-License-Identifier: Apache-2.0
some() { mkdir -p d/e; seq 20000 > n; echo hello > f; echo 'fn main() {}' > d/a.rs; echo hello > d/e/.hidden; printf 'a\0b' > bin; ln -s f l; echo n > .ignore; }
w_version() { "$BIN" --version | cut -d ' ' -f 1 | sed -n 1p; "$BIN" --help | sed -n 1p | cut -c 1-7; "$BIN" --type-list | wc -l; }
w_search() { some; "$BIN" hello --sort path; "$BIN" -n 1999 n; "$BIN" -c 1 n; "$BIN" -i HELLO f; "$BIN" nothing; echo $?; "$BIN" x nothing 2> /dev/null; echo $?; "$BIN" '(' 2> /dev/null; echo $?; seq 30 | "$BIN" 7; }
w_tree() { some; "$BIN" -j 4 -l hello | sort; "$BIN" --files | sort; "$BIN" -uu hello -l | sort; "$BIN" -L hello -l | sort; "$BIN" -t rust main; "$BIN" -g '!*.rs' -l . d | sort; "$BIN" --one-file-system --hidden -l hello | sort; }
w_modes() { some; "$BIN" --mmap hello f; "$BIN" --no-mmap hello f; "$BIN" -U 'h.*\n' f; "$BIN" -P '(?<=h)e' -o f; "$BIN" --json hello f | wc -l; "$BIN" --stats hello f | grep -c match; "$BIN" -r bye hello f; "$BIN" -A 1 -B 1 '^5$' n; "$BIN" --color always hello f; "$BIN" -a b bin | wc -c; "$BIN" -E utf-16 x f; echo $?; "$BIN" -f f f; "$BIN" --debug hello f 2> /dev/null; }
TAGS[pre]=exec
w_pre() { some; printf '#!/bin/sh\ncat "$1"\n' > p; chmod +x p; "$BIN" --pre ./p hello f; gzip f; "$BIN" -z hello f.gz; "$BIN" --pre ./nothing x n 2> /dev/null; echo $?; }
w_config() { some; echo --count > conf; RIPGREP_CONFIG_PATH=conf "$BIN" 1 n; RIPGREP_CONFIG_PATH=nothing "$BIN" hello f 2> /dev/null; }
w_broken_pipe() { some; "$BIN" . n | sed -n '1p;1q'; true; }
w_terminal() { some; on_terminal "$BIN hello"; echo $?; }
w_interrupt() { mkfifo p; exec 8<> p; timeout -s INT 0.4 "$BIN" x - <&8; echo $?; }
