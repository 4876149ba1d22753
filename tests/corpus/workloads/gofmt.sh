# SPDX-License-Identifier: Apache-2.0
TAGS[diff]=exec
messy() { mkdir -p d/e && printf 'package a\nfunc  f( ) {x:=1\n_=x}\n' > d/a.go && printf 'package e\n\nfunc G() {}\n' > d/e/g.go; }
w_stdin() { printf 'package a\nfunc  f( ) {}\n' | "$BIN"; }
w_list() { messy; "$BIN" -l .; }
w_write() { messy; "$BIN" -w d; cat d/a.go; ls d; }
w_diff() { messy; "$BIN" -d d > out; grep -c '^[+-]' out; }
w_simplify() { printf 'package a\nvar x = [][]int{[]int{1}}\n' | "$BIN" -s; }
w_rewrite() { printf 'package a\nvar x = 1 + 2\n' | "$BIN" -r 'a + b -> b + a'; }
w_error() { echo 'package' | "$BIN"; echo $?; }
w_profile() { messy; "$BIN" -cpuprofile p -l d; ls; }
w_many() { mkdir m; local i; for ((i = 0; i < 200; i++)); do echo "package m; var   v$i int" > m/v$i.go; done; "$BIN" -l m | sort | cksum; }
