# SPDX-License-Identifier: Apache-2.0
some() { mkdir -p d/e .h; echo x > f; echo x > d/a.rs; touch -d 2020-01-01 d/e/g .h/i; ln -s f l; echo 'd/e' > .ignore; mkfifo p; }
w_version() { "$BIN" --version | cut -d ' ' -f 1; "$BIN" --help | sed -n 2p | cut -c 1-6; "$BIN" --nonsense 2> /dev/null; echo $?; }
w_find() { some; "$BIN" | sort; "$BIN" -H -I | sort; "$BIN" -e rs; "$BIN" -t f -t l | sort; "$BIN" -t p; "$BIN" -t x; "$BIN" -S +0b -t f | sort; "$BIN" --changed-before 2021-01-01 -H -I -t f | sort; "$BIN" x /nonexistent 2> /dev/null; echo $?; "$BIN" '(' 2> /dev/null; echo $?; "$BIN" -o root -d 1 | wc -l > /dev/null; "$BIN" -L -a f | wc -l; "$BIN" --color always f | wc -l; "$BIN" -0 rs | tr '\0' ' '; "$BIN" -j 4 --one-file-system . / --max-depth 1 | wc -l > /dev/null; "$BIN" -q rs; echo $?; "$BIN" --max-results 1 . d; }
TAGS[exec]=exec TAGS[list]=exec
w_exec() { some; "$BIN" rs -x echo '{/}' '{.}'; "$BIN" -t f -X wc -c | tail -1 | wc -w; "$BIN" rs -x false; echo $?; "$BIN" rs -x nosuchprogram 2> /dev/null; echo $?; "$BIN" -j 3 . -x true; }
w_list() { some; "$BIN" -l rs | wc -l; "$BIN" -l 2> /dev/null | wc -l; }
w_many() { mkdir m; (cd m && seq 3000 | xargs touch); "$BIN" . m | wc -l; "$BIN" . m | sed -n 1q; true; }
w_terminal() { some; on_terminal "$BIN"; echo $?; }
w_interrupt() { timeout -s INT 0.3 "$BIN" -j 2 nothing / > /dev/null 2>&1; test $? != 0; }
