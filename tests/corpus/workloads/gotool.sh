# SPDX-License-Identifier: Apache-2.0
# Tools of a Go toolchain, each started as the go command would start it. Which tool it is, its path tells.
TOOL=$(basename "${REAL:-}")
GO=$(dirname "${REAL:-}")/../../../bin/go
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local
TAGS[external]=exec TAGS[cgo]=exec
[ "$TOOL" = cgo ] && TAGS[work]=exec

source_file() { printf 'package main\n\nfunc main() { println(twice(21)) }\n\nfunc twice(n int) int { return n + n }\n' > main.go; }
tool() { "$(dirname "$REAL")/$1" "${@:2}"; }
# What the linker needs of the runtime: the archives that this toolchain's own go command has built.
runtime_archives() {
  GOCACHE=$CORPUS/gocache GOPATH=$CORPUS/gopath CGO_ENABLED=0 "$GO" list -export -deps -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' runtime > importcfg
}
object() { source_file && : > none && tool compile -o main.o -trimpath "$PWD" -p main -complete -importcfg none main.go; }

w_help() { "$BIN" -h > /dev/null 2>&1; echo $?; }
w_version() { "$BIN" -V > out 2>&1; wc -l < out; }
w_missing() { "$BIN" no-such-file.go > /dev/null 2>&1; echo $?; }
w_work() {
  case $TOOL in
    compile) source_file; : > none; "$BIN" -o main.o -trimpath "$PWD" -p main -complete -importcfg none -c=2 main.go && cksum < main.o
      "$BIN" -S -o main.o -trimpath "$PWD" -p main -complete -importcfg none main.go | grep -c TEXT
      "$BIN" -o main.o -trimpath "$PWD" -p main -complete -importcfg none -cpuprofile cpu -memprofile mem main.go; ls ;;
    link) object && runtime_archives && "$BIN" -importcfg importcfg -buildmode=exe -o prog main.o && ./prog 2>&1
      "$BIN" -importcfg importcfg -s -w -buildmode=pie -o pie main.o && ./pie 2>&1 ;;
    asm) printf '#include "textflag.h"\nTEXT ·f(SB), NOSPLIT, $0\n\tMOVQ $1, AX\n\tSYSCALL\n\tRET\n' > f.s
      set -- -I "$("$GO" env GOROOT)/pkg/include" -p main
      "$BIN" "$@" -o f.o f.s; echo $?; "$BIN" "$@" -gensymabis -o abi f.s; echo $?; cat abi ;;
    vet) "$BIN" -flags | sed -n '1,3p'; source_file; "$BIN" main.go > /dev/null 2>&1; echo $? ;;
    nm) object; "$BIN" main.o | cksum; "$BIN" -size -sort size "$REAL" | wc -l | sed 's/[1-9].*/some/' ;;
    objdump) object; "$BIN" main.o | grep -c TEXT; "$BIN" -s main.main "$REAL" | grep -c TEXT ;;
    buildid) object; "$BIN" main.o | wc -l; "$BIN" "$REAL" | wc -l; cp "$REAL" copy; chmod u+w copy; "$BIN" -w copy; echo $? ;;
    pack) object; cp main.o x.o; "$BIN" c a.a main.o && "$BIN" r a.a x.o && "$BIN" t a.a && "$BIN" p a.a | wc -c && rm x.o && "$BIN" x a.a x.o; ls ;;
  esac
}
w_external() {
  [ "$TOOL" = link ] || return 0
  object && runtime_archives && GOCACHE=$CORPUS/gocache CGO_ENABLED=1 "$GO" list -export -deps -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' runtime/cgo > importcfg
  "$BIN" -importcfg importcfg -linkmode external -extld gcc -o prog main.o && ./prog 2>&1
}

w_cgo() {
  [ "$TOOL" = cgo ] || return 0
  printf 'package main\n\n// #include <stdlib.h>\n// static int one(void) { return 1; }\nimport "C"\n\nfunc main() { println(C.one()) }\n' > c.go
  "$BIN" -objdir obj/ c.go
  echo $?
  ls obj
}
