# SPDX-License-Identifier: Apache-2.0
export RESTIC_PASSWORD=x
repo() { mkdir -p in/d && seq 1000 > in/n && head -c 3000000 /dev/zero > in/z && ln -s n in/l && mkfifo in/p && "$BIN" -q -r r init; }
w_version() { "$BIN" version | cut -d ' ' -f 1; "$BIN" --help | sed -n 2p; "$BIN" nonsense 2> /dev/null; echo $?; }
w_backup() { repo; "$BIN" -q -r r backup in; echo $?; "$BIN" -r r snapshots --json | grep -c in; "$BIN" -q -r r check; echo $?; "$BIN" -q -r r restore latest --target out; find out -name n | wc -l; cmp in/n "out$PWD/in/n"; "$BIN" -q -r r backup in; "$BIN" -r r ls latest | wc -l; "$BIN" -r r find n > /dev/null; echo $?; "$BIN" -r r dump latest "$PWD/in/n" | cksum; seq 3 | "$BIN" -q -r r backup --stdin; echo $?; }
w_forget() { repo; "$BIN" -q -r r backup in; echo x >> in/n; "$BIN" -q -r r backup in --exclude '*z'; "$BIN" -q -r r forget --keep-last 1 --prune > /dev/null; echo $?; "$BIN" -r r stats --json | cut -c 1; "$BIN" -r r diff latest latest > /dev/null; echo $?; "$BIN" -r r list blobs | wc -l > /dev/null; "$BIN" -q -r r rebuild-index; echo $?; "$BIN" -r r unlock > /dev/null; "$BIN" -r r cache > /dev/null; echo $?; "$BIN" -r r tag --add t latest > /dev/null; echo $?; "$BIN" -r r key list > /dev/null; echo $?; }
w_errors() { "$BIN" -r nothing snapshots 2> /dev/null; echo $?; repo; RESTIC_PASSWORD=y "$BIN" -r r snapshots 2> /dev/null; echo $?; "$BIN" -q -r r backup nothing 2> /dev/null; echo $?; "$BIN" generate --bash-completion c > /dev/null; test -s c; echo $?; timeout 3 "$BIN" -r rest:http://127.0.0.1:1/ snapshots > /dev/null 2>&1; echo $?; }
w_interrupt() { repo; mkfifo in/q; (timeout -s INT 2 "$BIN" -q -r r backup --stdin < <(seq 5; sleep 4) > /dev/null 2>&1; test $? != 0; echo $?); }
w_terminal() { repo; on_terminal "$BIN -r r backup in"; echo $?; }
