# SPDX-License-Identifier: Apache-2.0

project() {
  mkdir -p src
  cat > src/index.ts <<'EOF'
import { greet } from './greet'
import data from './data.json'
enum Colour { Red, Green }
console.log(greet(data.name), Colour.Green)
export const lazy = async () => (await import('./greet')).greet('later')
EOF
  echo 'export const greet = (who: string): string => `hello ${who}`' > src/greet.ts
  echo '{"name": "stile"}' > src/data.json
  echo 'export const App = () => <div className="a">{[1, 2].map(n => <b key={n}>{n}</b>)}</div>' > src/app.jsx
  echo '{"compilerOptions": {"target": "es2018"}}' > tsconfig.json
}
show() { (cd "$1" && find . -type f | sort | while read -r f; do echo "== $f"; cat "$f"; echo; done); }

w_help() { "$BIN" --help; }
w_version() { "$BIN" --version; }
w_bundle() { project && "$BIN" --bundle src/index.ts --outfile=out.js && cat out.js; }
w_minify() { project && "$BIN" --bundle --minify --sourcemap --format=iife src/index.ts --outdir=out && show out; }
w_node() { project && "$BIN" --bundle --platform=node src/index.ts --outfile=out.js --metafile=meta.json; ls; }
w_jsx() { project && "$BIN" src/app.jsx --define:DEBUG=true --outfile=out.js && cat out.js; }
w_stdin() { echo 'let x: number = 1' | "$BIN" --loader=ts; }
w_error() { echo 'let = ;' > bad.js; "$BIN" bad.js --outfile=x.js; echo "status $?"; }
w_missing() { "$BIN" --bundle nowhere.js --outfile=x.js; echo "status $?"; }
w_unknown_flag() { "$BIN" --no-such-flag 2> /dev/null; echo "status $?"; }
w_many() {
  mkdir src
  local i
  for ((i = 0; i < 300; i++)); do echo "export const v$i = $i" > src/m$i.js; echo "import {v$i} from './m$i'; console.log(v$i)"; done > src/all.js
  "$BIN" --bundle src/all.js --outfile=out.js && cksum < out.js
}
w_link() { project && mkdir -p node_modules && ln -s ../src node_modules/lib && echo 'import "lib/index.ts"' > in.js && "$BIN" --bundle in.js --outfile=o.js; cksum < o.js; }
w_profile() { project; "$BIN" --bundle src/index.ts --outfile=out.js --trace=trace --heap=heap; ls; }
# Some versions build again and again for half a minute to fill the profile.
w_cpu_profile() { project; timeout 6 "$BIN" --bundle src/index.ts --outfile=out.js --cpuprofile=cpu > log 2>&1; ls; }
# Versions before 0.5 take no --serve and end at once.
w_serve() {
  project
  local port; port=$(free_port)
  mkfifo hold # standard input that stays open: the end of it ends the server
  "$BIN" --serve="127.0.0.1:$port" --servedir=src --bundle src/index.ts --outdir=src < hold > log 2>&1 &
  local pid=$! i
  exec 8> hold
  for ((i = 0; i < 50; i++)); do port_open "$port" && break; kill -0 $pid 2> /dev/null || break; sleep 0.1; done
  if port_open "$port"; then http_get "$port" /index.js; http_get "$port" /none.txt > /dev/null; fi
  exec 8>&-
  kill $pid 2> /dev/null
  wait $pid
  return 0
}
w_watch() {
  project
  mkfifo hold
  "$BIN" --bundle src/index.ts --outfile=out.js --watch < hold > log 2>&1 &
  local pid=$! i
  exec 8> hold
  for ((i = 0; i < 50; i++)); do [ -s out.js ] && break; kill -0 $pid 2> /dev/null || break; sleep 0.1; done
  sleep 0.3
  sed -i 's/hello/goodbye/' src/greet.ts
  for ((i = 0; i < 50; i++)); do grep -qs goodbye out.js && break; kill -0 $pid 2> /dev/null || break; sleep 0.1; done
  exec 8>&-
  sleep 0.3
  kill $pid 2> /dev/null
  wait $pid
  cat out.js
}
# What the JavaScript API talks to: packets on standard input; here it just ends.
w_service() { "$BIN" --service="$("$BIN" --version 2>&1)" < /dev/null | od -An -c | sed -n '1,3p'; }
w_service_ping() { { sleep 0.5; } | "$BIN" --service="$("$BIN" --version 2>&1)" --ping | wc -c | sed 's/^[1-9].*/some bytes/'; }
