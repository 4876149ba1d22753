# SPDX-License-Identifier: Apache-2.0

project() {
  mkdir -p src
  echo '{"compilerOptions": {"target": "es2020", "module": "esnext", "outDir": "out", "strict": true, "declaration": true, "sourceMap": true, "incremental": true, "composite": true, "rootDir": "src"}, "include": ["src"]}' > tsconfig.json
  echo 'export interface Animal { name: string; legs: number }
export const legs = (all: Animal[]): number => all.reduce((n, a) => n + a.legs, 0)' > src/animal.ts
  echo 'import { legs, Animal } from "./animal"
const cow: Animal = { name: "cow", legs: 4 }
console.log(legs([cow]), Promise.resolve(1).then(x => x.toFixed()))' > src/main.ts
}
show() { (cd "$1" && find . -name '*.js' -o -name '*.d.ts' | sort | while read -r f; do echo "== $f"; cat "$f"; done); }
packet() { printf 'Content-Length: %d\r\n\r\n%s' ${#1} "$1"; }

w_version() { "$BIN" --version; }
w_help() { "$BIN" --help; }
w_all() { "$BIN" --all | sed -n '1,40p'; }
w_init() { "$BIN" --init > /dev/null; echo $?; ls; }
w_compile() { project; "$BIN" -p .; echo $?; show out; }
w_single() { project; "$BIN" -p . --singleThreaded; echo $?; show out; }
w_build() { project; "$BIN" -b .; "$BIN" -b .; echo $?; "$BIN" -b . --clean; ls; }
w_type_error() { project; echo 'const n: number = "no"; export {}' > src/bad.ts; "$BIN" -p . --noEmit; echo $?; }
w_no_project() { "$BIN" -p nowhere; echo $?; }
w_list() { project; "$BIN" -p . --listFilesOnly | wc -l; }
w_profile() { project; "$BIN" -p . --pprofDir prof > /dev/null; echo $?; ls prof | wc -l; }
w_watch() {
  project
  "$BIN" -p . --watch > log 2>&1 &
  local pid=$!
  until_true test -s out/main.js
  sleep 0.5
  echo 'export const more = 1' > src/more.ts
  until_true test -s out/more.js
  kill $pid
  wait $pid
  show out
}
w_lsp() {
  { packet '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}'
    sleep 0.5
    packet '{"jsonrpc":"2.0","method":"initialized","params":{}}'
    packet '{"jsonrpc":"2.0","id":2,"method":"shutdown"}'
    sleep 0.5
    packet '{"jsonrpc":"2.0","method":"exit"}'
    sleep 0.3; } | "$BIN" --lsp --stdio 2> /dev/null | tr -d '\r' | grep -c capabilities
}
