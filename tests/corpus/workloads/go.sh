# SPDX-License-Identifier: Apache-2.0
# The go command starts the compiler, the linker, git and the programs it builds: nearly all is `exec`.
for name in env version build run test vet fmt list mod install cross generate race_list build_cached tool cgo work; do TAGS[$name]=exec; done
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOMAXPROCS=2

module() {
  mkdir -p m/sub && cd m || return
  printf 'module example.com/m\n\ngo 1.19\n' > go.mod
  printf 'package main\n\nimport "example.com/m/sub"\n\n//go:generate echo generated\n\nfunc main() { println(sub.Two()) }\n' > main.go
  printf 'package sub\n\n// Two is two.\nfunc Two() int { return 2 }\n' > sub/sub.go
}
w_help() { "$BIN" help | sed -n '1,5p'; }
w_version() { "$BIN" version; }
w_version_m() { "$BIN" version "$REAL" | wc -l; "$BIN" version -m "$REAL" | sed -n '1,2p'; }
w_env() { "$BIN" env GOOS GOARCH GOPROXY; "$BIN" env -w GOPRIVATE=x.y && "$BIN" env GOPRIVATE; }
w_build() { module && "$BIN" build -o out . && ./out 2>&1; }
w_build_cached() { module && "$BIN" build -o out . && touch main.go && "$BIN" build -o out2 . && cmp out out2 && echo same; "$BIN" clean -cache; }
w_run() { module && "$BIN" run . 2>&1; }
w_cross() { module && GOARCH=arm64 "$BIN" list -f '{{.Target}}' . | wc -l; }
w_list() { module && "$BIN" list ./... && "$BIN" list -deps -f '{{.ImportPath}}' ./sub; }
w_vet() { module && "$BIN" vet ./sub; echo $?; }
w_fmt() { module && printf 'package sub\nvar  x int\n' > sub/x.go && "$BIN" fmt ./...; }
w_generate() { module && "$BIN" generate ./...; }
w_mod() { module && "$BIN" mod edit -json | sed -n '1,4p' && "$BIN" mod tidy && "$BIN" mod graph; "$BIN" mod init x 2> /dev/null; echo $?; }
w_get() { module && "$BIN" get example.org/nothing 2> /dev/null; echo $?; }
w_work() { module && "$BIN" work init . && cat go.work | sed -n '1,1p'; }
w_tool() { "$BIN" tool | sed -n '1,3p'; }
w_error() { module && echo 'package' > sub/bad.go; "$BIN" build ./... 2> /dev/null; echo $?; }
w_bug() { "$BIN" no-such-command 2> /dev/null; echo $?; }
